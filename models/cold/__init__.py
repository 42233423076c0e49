"""Places songs that nobody has listened to yet among those that people have: a map from their words to their factors."""
