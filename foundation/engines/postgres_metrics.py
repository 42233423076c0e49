"""Measures what requests ask of Postgres, from outside: the statements, and the connections in use."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, QueuePool, event

from foundation import metrics
from foundation.engines.postgres import Postgres

VERBS = frozenset({"select", "insert", "update", "delete"})


def measure_queries(postgres: Postgres) -> None:
    """Let every statement of this pool be measured under its first word."""
    observers: dict[str, Callable[[float], None]] = {}

    def begin(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        connection.info["began_at"] = time.perf_counter()

    def end(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        seconds = time.perf_counter() - connection.info["began_at"]
        verb = statement[:6].lower()
        if verb not in observers:
            known = verb if verb in VERBS else "other"
            observers[verb] = metrics.db_query_duration.labels(known).observe
        observers[verb](seconds)

    event.listen(postgres.engine.sync_engine, "before_cursor_execute", begin)
    event.listen(postgres.engine.sync_engine, "after_cursor_execute", end)


def measure_pool(postgres: Postgres) -> None:
    """Say how many connections are in use now, and how many may be."""
    pool = postgres.engine.sync_engine.pool
    if isinstance(pool, QueuePool):
        metrics.db_connection_pool_size.set(pool.checkedout())
        metrics.db_connection_pool_max.set(pool.size() + max(0, pool._max_overflow))  # noqa: SLF001 - it has no other name
