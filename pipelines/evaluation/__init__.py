"""Judges systems on data sets, public ones, anybody's and the platform's own, beside published numbers."""
