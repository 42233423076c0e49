"""Lyrics: the words of a song, in one or more languages."""
