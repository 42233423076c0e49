"""The catalog's Postgres schema as numbered steps, applied by `catalog_api.migrate`."""
