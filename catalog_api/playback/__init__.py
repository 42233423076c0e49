"""Playback: what clients tell about the playing of songs."""
