"""One module a step; the last by name is the newest."""
