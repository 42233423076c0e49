"""Blocks: who wants nothing to do with whom."""
