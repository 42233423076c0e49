"""Alternating least squares: training, confidence, fold-in, around the library `implicit`."""
