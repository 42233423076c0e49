"""Genres: the words that songs are sorted by."""
