"""Deletions that are not done yet, as the shipper's process reads and advances them in Postgres."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

# Any number, the same for everyone who forgets. Rows are not locked one by one: what was counted must be on disk before
# anything is removed, and a commit would let go of them.
LOCK = 0x5E60E_0004

# Tables without a foreign key to the account, so that a row may come after it has gone. In this order.
LEFT = (
    (
        "counted_plays",
        "play_id IN (SELECT play_id FROM listening_history WHERE user_id = %(user_id)s)",
    ),
    ("listening_history", "user_id = %(user_id)s"),
    ("idempotency_keys", "scope LIKE %(scope)s OR about = %(user_id)s"),
    ("external_ids", "kind = 'listener' AND id = %(user_id)s"),
)


@dataclass(slots=True)
class Pending:
    """A deletion, and how far it has come."""

    id: UUID
    user_id: int
    requested_at: datetime
    finished_at: datetime | None
    look_at: datetime
    removed: dict[str, dict[str, int]]
    removing: dict[str, dict[str, int]]
    songs: Sequence[int]
    covers: Sequence[str]
    others: Sequence[int]
    uploads: Sequence[str]


def due(db: psycopg.Connection, now: datetime, limit: int) -> list[Pending]:
    """Those to be looked at by now, the longest waiting first."""
    asked = (
        "SELECT id, user_id, requested_at, finished_at, look_at, removed, removing, "
        "coalesce(belongings -> 'songs', '[]'), coalesce(belongings -> 'covers', '[]'), "
        "coalesce(belongings -> 'others', '[]'), coalesce(belongings -> 'uploads', '[]') FROM deletions "
        "WHERE look_at <= %s ORDER BY look_at, id LIMIT %s"
    )
    return [Pending(*row) for row in db.execute(asked, (now, limit))]


def note_found(db: psycopg.Connection, each: Pending, store: str, found: Mapping[str, int]) -> Counter[str]:
    """Keep what a store holds before it is removed; returns what will have been removed then.

    After a crash halfway less is found: the higher of the two numbers is the right one.
    """
    before = Counter(each.removing.get(store, {}))
    noted = before | Counter(found)
    if noted != before:
        each.removing[store] = dict(noted)
        db.execute("UPDATE deletions SET removing = %s WHERE id = %s", (Jsonb(each.removing), each.id))
    return noted


def note_removed(db: psycopg.Connection, each: Pending, store: str) -> None:
    """What was found there has gone: count it."""
    if store in each.removed and store not in each.removing:
        return
    counted = Counter(each.removed.get(store, {})) + Counter(each.removing.pop(store, {}))
    each.removed[store] = dict(counted)
    told = (Jsonb(each.removed), Jsonb(each.removing), each.id)
    db.execute("UPDATE deletions SET removed = %s, removing = %s WHERE id = %s", told)


def look_again(db: psycopg.Connection, each: Pending, at: datetime | None) -> None:
    """When to look at it next; None: never, and what belonged to the account is forgotten here too."""
    if at is None:
        db.execute("UPDATE deletions SET look_at = NULL, belongings = '{}' WHERE id = %s", (each.id,))
    else:
        db.execute("UPDATE deletions SET look_at = %s WHERE id = %s", (at, each.id))


def finish(db: psycopg.Connection, each: Pending, now: datetime) -> None:
    """No store holds anything any more."""
    db.execute("UPDATE deletions SET finished_at = %s WHERE id = %s AND finished_at IS NULL", (now, each.id))


def rows_left(db: psycopg.Connection, user_id: int) -> Counter[str]:
    """Rows of this person by table."""
    found: Counter[str] = Counter()
    for table, which in LEFT:
        row = db.execute(f"SELECT count(*) FROM {table} WHERE {which}".encode(), _told(user_id)).fetchone()  # noqa: S608
        found[table] = int(row[0]) if row else 0
    return found


def remove_rows_left(db: psycopg.Connection, user_id: int) -> None:
    """Take them out."""
    for table, which in LEFT:
        db.execute(f"DELETE FROM {table} WHERE {which}".encode(), _told(user_id))  # noqa: S608 - words of ours


def _told(user_id: int) -> Mapping[str, object]:
    return {"user_id": user_id, "scope": f"user:{user_id} %"}
