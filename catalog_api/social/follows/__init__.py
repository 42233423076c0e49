"""Follows: which listeners and artists a listener follows."""
