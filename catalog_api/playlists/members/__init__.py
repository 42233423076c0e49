"""The people who make a playlist together: invited by its owner, in by their own word."""
