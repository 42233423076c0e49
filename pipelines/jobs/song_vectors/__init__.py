"""Job `song_vectors`: the model published as vectors and a bundle, then flipped to."""
