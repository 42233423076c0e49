"""Albums: the releases that songs belong to."""
