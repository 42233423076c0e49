"""Linear autoencoders: each song from all others, by one inversion."""
