"""Filters on the graph of who listened to what: closed formulas, nothing trained by steps."""
