"""Alternating least squares: training, confidence, fold-in."""
