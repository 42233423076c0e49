"""The event log on real files and a real ClickHouse: what is acknowledged is stored, and once."""
