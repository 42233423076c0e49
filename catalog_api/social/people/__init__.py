"""People as they meet: who may see whom, and one change of a person at a time."""
