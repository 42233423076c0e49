"""Job `online_features`: what serving knows of listeners, in Redis."""
