"""One chDB engine behind ClickHouse's own HTTP interface, so that ClickHouse clients connect as to any server."""
