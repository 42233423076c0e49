"""Listening history from elsewhere: readers of exports and data sets, and the import that brings it in once."""
