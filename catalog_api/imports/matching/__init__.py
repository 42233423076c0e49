"""Which songs of a history the catalog has already, by the same or by similar names."""
