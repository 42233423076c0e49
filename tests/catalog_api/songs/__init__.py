"""Tests of songs as people edit them."""
