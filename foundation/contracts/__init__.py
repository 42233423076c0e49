"""The shapes that cross a boundary between parts: events and column names."""
