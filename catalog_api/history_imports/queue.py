"""Imports as the processes behind see them in Postgres: what is due, how far it is, what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from foundation.ids import UserId

LOCK = 0x5E60E_0005  # any number, the same for everyone who sees to imports


@dataclass(frozen=True, slots=True)
class Due:
    """An import to be done."""

    id: UUID
    user_id: UserId
    name: str
    is_preview: bool
    threshold: float


def next_due(db: psycopg.Connection) -> UUID | None:
    """The import that has waited longest; one that runs has lost its process, since we are alone."""
    asked = (
        "SELECT id FROM history_imports WHERE has_file AND status IN ('waiting', 'running') "
        "ORDER BY asked_at, id LIMIT 1"
    )
    row = db.execute(asked).fetchone()
    return row[0] if row else None


def begin(db: psycopg.Connection, import_id: UUID, now: datetime) -> Due | None:
    """Say that it runs; None where it is gone."""
    begun = (
        "UPDATE history_imports SET status = 'running', started_at = coalesce(started_at, %s) "
        "WHERE id = %s AND status IN ('waiting', 'running') RETURNING id, user_id, name, is_preview, threshold"
    )
    row = db.execute(begun, (now, import_id)).fetchone()
    return Due(*row) if row else None


def is_wanted(db: psycopg.Connection, import_id: UUID) -> bool:
    """Whether it is still to be done."""
    asked = "SELECT FROM history_imports WHERE id = %s AND status IN ('waiting', 'running')"
    return db.execute(asked, (import_id,)).fetchone() is not None


def tell(db: psycopg.Connection, import_id: UUID, stage: str, done: int, total: int) -> bool:
    """Write down how far it is; False where it is not wanted any more."""
    told = "UPDATE history_imports SET stage = %s, done = %s, total = %s WHERE id = %s AND status = 'running'"
    return db.execute(told, (stage, done, total, import_id)).rowcount > 0


def finish(db: psycopg.Connection, import_id: UUID, outcome: Mapping[str, Any], now: datetime) -> None:
    """It is done."""
    told = "UPDATE history_imports SET status = 'done', outcome = %s, finished_at = %s WHERE id = %s AND status = 'running'"
    db.execute(told, (Jsonb(dict(outcome)), now, import_id))


def fail(db: psycopg.Connection, import_id: UUID, problem: Mapping[str, Any], now: datetime) -> None:
    """It cannot be done; doing it again would not help."""
    told = (
        "UPDATE history_imports SET status = 'failed', problem = %s, finished_at = %s "
        "WHERE id = %s AND status IN ('waiting', 'running')"
    )
    db.execute(told, (Jsonb(dict(problem)), now, import_id))


def crashed(db: psycopg.Connection, import_id: UUID) -> int:
    """Its process ended before its time; how often that has happened."""
    told = "UPDATE history_imports SET crashes = crashes + 1 WHERE id = %s RETURNING crashes"
    row = db.execute(told, (import_id,)).fetchone()
    return int(row[0]) if row else 0


def with_needless_files(db: psycopg.Connection) -> list[UUID]:
    """Imports that are over and whose files are still there."""
    asked = "SELECT id FROM history_imports WHERE has_file AND status NOT IN ('waiting', 'running') ORDER BY id LIMIT 100"
    return [row[0] for row in db.execute(asked)]


def note_removed(db: psycopg.Connection, import_id: UUID) -> None:
    """Its file is gone."""
    db.execute("UPDATE history_imports SET has_file = false WHERE id = %s", (import_id,))


def known(db: psycopg.Connection, import_ids: list[UUID]) -> set[UUID]:
    """Those of these imports that there are."""
    return {row[0] for row in db.execute("SELECT id FROM history_imports WHERE id = ANY(%s)", (import_ids,))}
