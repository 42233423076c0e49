"""Puts candidates in order: a model over a few numbers of each pair of listener and song."""
