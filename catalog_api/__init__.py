"""Accounts, songs and plays as an HTTP service on Postgres; it never computes a recommendation."""
