"""The months of the listening history, each a partition: made when a play needs them or ahead of time, dropped when old."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime

import psycopg
from psycopg import sql

TABLE = "listening_history"
FIRST, BEHIND_LAST = date(2000, 1, 1), date(2100, 1, 1)  # outside are the partitions _before and _after
MOST_MONTHS = 12 * 1000  # more than anybody remembers
LOCK = 0x5E60E_0003  # any number, the same for everyone who makes or drops a month

_MONTHS = """
    SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = 'listening_history'::regclass AND child.relname ~ '_[0-9]{4}_[0-9]{2}$'
"""


def month_of(moment: datetime) -> date:
    """The first day of the month (UTC) in which a moment lies.

    >>> month_of(datetime.fromisoformat("2026-03-01T00:30+01:00")).isoformat()
    '2026-02-01'
    """
    return moment.astimezone(UTC).date().replace(day=1)


def later(month: date, months: int) -> date:
    """The month so many months later, or earlier.

    >>> later(date(2026, 11, 1), 3).isoformat(), later(date(2026, 1, 1), -1).isoformat()
    ('2027-02-01', '2025-12-01')
    """
    years, of_year = divmod(month.month - 1 + months, 12)
    return date(month.year + years, 1 + of_year, 1)


def beginning(now: datetime, kept_months: int) -> datetime | None:
    """Where the history begins that keeps so many months before the present one; None where all is kept.

    >>> beginning(datetime(2026, 11, 22, tzinfo=UTC), 1).isoformat()
    '2026-10-01T00:00:00+00:00'
    """
    if not kept_months:
        return None
    month = later(month_of(now), -min(kept_months, MOST_MONTHS))
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def months(db: psycopg.Connection) -> set[date]:
    """The months that have a partition."""
    return {date(int(name[-7:-3]), int(name[-2:]), 1) for (name,) in db.execute(_MONTHS)}


def make(db: psycopg.Connection, wanted: Iterable[date]) -> list[date]:
    """Make the partitions of these months that are missing; returns which.

    A table made beside the others and attached, not made as a partition: so that nobody who reads has to wait.
    """
    asked = {month for month in wanted if FIRST <= month < BEHIND_LAST}
    if asked <= months(db):
        return []
    with db.transaction():
        _only_one(db)
        missing = sorted(asked - months(db))
        for month in missing:
            name = sql.Identifier(name_of(month))
            db.execute(sql.SQL("CREATE TABLE {} (LIKE listening_history)").format(name))
            db.execute(
                sql.SQL(
                    "ALTER TABLE listening_history ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})"
                ).format(name, _beginning(month), _beginning(later(month, 1)))
            )
    return missing


def drop_before(db: psycopg.Connection, month: date) -> list[date]:
    """Drop every month before this one with what it holds; returns which."""
    old = sorted(each for each in months(db) if each < month)
    for each in old:  # one at a time: whoever reads waits for no more than one
        with db.transaction():
            _only_one(db)
            db.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name_of(each))))
    db.execute("DELETE FROM listening_history_before WHERE played_at < %s", (_midnight(month),))
    return old


def name_of(month: date) -> str:
    """
    >>> name_of(date(2026, 3, 1))
    'listening_history_2026_03'
    """
    return f"{TABLE}_{month:%Y_%m}"


def missing_of(moments: Iterable[datetime], known: Collection[date]) -> set[date]:
    """The months of these moments that need a partition and have none among the known."""
    return {
        month for month in set(map(month_of, moments)) if month not in known and FIRST <= month < BEHIND_LAST
    }


def _only_one(db: psycopg.Connection) -> None:
    db.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))


def _beginning(month: date) -> sql.Literal:
    return sql.Literal(_midnight(month))


def _midnight(month: date) -> str:
    return f"{month} 00:00+00"
