"""Recommendations as an HTTP service, answered from a published bundle of models."""
