"""The warehouse's tables and their order."""
