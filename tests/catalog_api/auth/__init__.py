"""Tests of signing up, signing in and staying so."""
