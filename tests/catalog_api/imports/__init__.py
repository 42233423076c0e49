"""Tests of importing listening history."""
