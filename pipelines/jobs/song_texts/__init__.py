"""Job `song_texts`: what is said of each song in words."""
