"""One suite for each engine, run on every kind of it that is reachable."""
