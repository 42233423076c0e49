"""Recommends songs: which ones, in which order, and why."""
