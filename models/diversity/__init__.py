"""Makes a list of candidates that is more than its best songs: not all alike, not all by one artist, of the listener's genres."""
