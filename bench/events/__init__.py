"""What an event costs from its request to every store, beside what cannot be done without: `python -m bench.events`."""
