"""Features of listeners and songs, online for serving and offline as of a moment."""
