"""The jobs that turn listens into published models, listed in catalog.py."""
