"""Tests of profiles, preferences and roles."""
