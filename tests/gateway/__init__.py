"""The gateway: its door, its worker processes, and what operators see of it."""
