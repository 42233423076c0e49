"""Databases of one's own on running engines, for as long as one looks at them."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Protocol

from psycopg import sql

from catalog_api.migrate import migrate
from foundation.engines import postgres
from foundation.engines.clickhouse import open_clickhouse
from foundation.errors import Unreachable
from warehouse.migrate import migrate as migrate_warehouse


class Engines(Protocol):
    """Those that run."""

    @property
    def postgres(self) -> str: ...

    @property
    def redis(self) -> str: ...

    @property
    def clickhouse(self) -> str: ...

    @property
    def clickhouse_reader(self) -> str: ...


@contextmanager
def own_catalog(engines: Engines) -> Iterator[dict[str, str]]:
    """Every engine by its URL; of Postgres a database with the newest schema, which nobody else uses."""
    name = sql.Identifier(f"own_{secrets.token_hex(4)}")
    with postgres.connection(engines.postgres) as db:
        db.execute(sql.SQL("CREATE DATABASE {}").format(name))
    url = engines.postgres.rsplit("/", 1)[0] + "/" + name.as_string().strip('"')
    migrate(url)
    with closing(open_clickhouse(engines.clickhouse)) as warehouse:
        migrate_warehouse(warehouse)
    try:
        yield {
            "postgres": url,
            "redis": engines.redis,
            "clickhouse": engines.clickhouse,
            "clickhouse_reader": engines.clickhouse_reader,
        }
    finally:
        # A Postgres that was taken away takes the database with it.
        with suppress(Unreachable), postgres.connection(engines.postgres) as db:
            db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
