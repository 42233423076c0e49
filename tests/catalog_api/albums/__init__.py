"""Tests of albums and their covers."""
