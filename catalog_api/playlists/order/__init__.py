"""The order of a playlist's songs: adding, taking away and moving, by several people at once."""
