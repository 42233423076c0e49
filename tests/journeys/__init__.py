"""Whole journeys through a running platform, as people take them."""
