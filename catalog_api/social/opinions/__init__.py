"""Opinions: which songs and artists a listener loves or hides."""
