"""Follows, opinions, shares, blocks and activities, over HTTP and below it."""
