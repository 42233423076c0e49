"""Lists beside the feed: the home page's shelves, mixes with an expiry, radio, and what to play next."""
