"""Revocations: access tokens that end before they expire, told to every process at once."""
