"""Lyrics: the reader of LRC, and the words of songs over HTTP."""
