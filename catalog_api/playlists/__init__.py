"""Playlists: songs in an order that people choose, alone or together."""
