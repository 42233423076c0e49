"""Tests of the list of genres."""
