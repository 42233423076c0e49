"""The `segue` command: one program for running, importing, training, serving and testing."""
