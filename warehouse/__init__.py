"""The ClickHouse tables and rollups as numbered SQL, and the queries that read them."""
