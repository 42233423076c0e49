"""The two stages of a feed, by serving's own code, as of a moment of any past: to learn the ranker from, and to judge."""
