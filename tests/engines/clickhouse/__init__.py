"""What ClickHouse clients rely on, proved on the embedded engine's HTTP interface and on a real server."""
