"""The platform under kill -9: what it acknowledged is counted afterwards, and must be there once."""
