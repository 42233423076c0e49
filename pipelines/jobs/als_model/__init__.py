"""Job `als_model`: the trained and registered model of taste."""
