"""Job `text_vectors`: a vector for what is said of each song in words."""
