"""Playlists: who may read and change them, and that no edit is lost."""
