"""The outbox in Postgres: rows are written with the change they tell of, taken in order, and removed when moved."""

from collections.abc import Iterable
from itertools import islice

import psycopg
from sqlalchemy import text

from foundation.contracts.events import Event, encode
from foundation.engines.postgres import Writing

_TOLD = text("INSERT INTO outbox (events) VALUES (:events)")
ROW_EVENTS = 1000  # events of one row, which becomes one record of the log


def write(db: psycopg.Connection, events: Iterable[Event]) -> int:
    """Put the events into the outbox, inside the caller's transaction; returns how many there were."""
    written, told = 0, iter(events)
    with db.cursor() as cursor, cursor.copy("COPY outbox (events) FROM STDIN") as copy:
        while some := list(islice(told, ROW_EVENTS)):
            copy.write_row((encode(some),))
            written += len(some)
    return written


async def tell(db: Writing, *events: Event) -> None:
    """Put the events of one request's change into the outbox, inside its transaction, in this order."""
    if events:
        await db.execute(_TOLD, {"events": encode(list(events))})


def oldest(db: psycopg.Connection, limit: int) -> list[tuple[int, bytes]]:
    """The oldest rows that nobody else is moving, in order, locked until the transaction ends: number and record."""
    rows = db.execute("SELECT id, events FROM outbox ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED", (limit,))
    return [(number, events) for number, events in rows]


def remove(db: psycopg.Connection, numbers: list[int]) -> None:
    """Take moved rows out."""
    db.execute("DELETE FROM outbox WHERE id = ANY(%s)", (numbers,))


def newest(db: psycopg.Connection) -> int:
    """The number of the newest row; 0 when the outbox is empty."""
    row = db.execute("SELECT coalesce(max(id), 0) FROM outbox").fetchone()
    return int(row[0]) if row else 0


def holds_any_until(db: psycopg.Connection, number: int) -> bool:
    """Whether a row up to this one is still there."""
    row = db.execute("SELECT EXISTS (SELECT FROM outbox WHERE id <= %s)", (number,)).fetchone()
    return bool(row and row[0])
