"""Tests of exporting and deleting accounts."""
