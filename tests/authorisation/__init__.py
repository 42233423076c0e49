"""Asks for everything that belongs to somebody, as everybody else: who may is in `table.py`, the rest is from the document."""
