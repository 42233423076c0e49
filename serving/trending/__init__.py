"""What everyone listens to lately, kept in memory and refreshed from the warehouse."""
