"""Tests of the catalog: its schema, imports, outbox, songs, listeners and playback."""
