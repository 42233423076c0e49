"""Tests of the embedded engines and of the supervisor, on real processes."""
