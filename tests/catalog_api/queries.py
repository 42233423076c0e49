"""Counts the statements that requests send to Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from tests.catalog_api.api import Api


@dataclass
class Queries:
    """What was asked so far."""

    statements: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.statements)


@contextmanager
def counted(api: Api) -> Iterator[Queries]:
    """The statements of this worker's requests while the block runs."""
    queries = Queries()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        queries.statements.append(statement)

    engine = api.app.state.postgres.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield queries
    finally:
        event.remove(engine, "before_cursor_execute", note)
