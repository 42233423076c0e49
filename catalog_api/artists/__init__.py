"""Artists: whose songs these are."""
