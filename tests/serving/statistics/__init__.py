"""The statistics of a small town, counted by hand and the plain way."""
