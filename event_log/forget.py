"""Takes people out of the warehouse: every row that names them, and the rows of songs that went with them.

Rollups that name nobody stay as they are. A lightweight delete makes rows invisible to every query at once; their bytes
leave the disk when their parts merge.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from foundation.contracts.tables import Listens, Lyrics, PlaybackEvents, Seen, Songs

# Tables of ours with rows of their own, and the columns by which they name people.
COLUMNS = """
    SELECT table, groupArray(name)
    FROM system.columns
    WHERE database = currentDatabase() AND name IN ('listener_id', 'blocked_id', 'kind', 'target_id')
        AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')
    GROUP BY table
    ORDER BY table
"""
ABOUT_SONGS = (Songs.table, Lyrics.table)


class ClickHouse(Protocol):
    """What this needs of a ClickHouse client."""

    def command(self, cmd: str, *, settings: dict[str, object] | None = None) -> object:
        """Run one statement and return its single value, if it has one."""

    def raw_query(self, query: str, *, fmt: str | None = None) -> bytes:
        """The answer of a query in a format of ClickHouse."""


def held(client: ClickHouse, listener: int, songs: Sequence[int]) -> Counter[str]:
    """How many rows name a listener, or are of these songs, by table."""
    found: Counter[str] = Counter()
    for table, which in _rows_of(client, [listener], songs).items():
        asked = f"SELECT count() FROM {table} WHERE {which}"  # noqa: S608 - words of ours
        found[table] = int(str(client.command(asked, settings=_room(which))))
    return +found


def forget(client: ClickHouse, listeners: Sequence[int], songs: Sequence[int]) -> None:
    """Remove these rows. Whoever is interrupted does it again."""
    for table, which in _rows_of(client, listeners, songs).items():
        client.command(f"DELETE FROM {table} WHERE {which}", settings=_room(which))  # noqa: S608


def _rows_of(client: ClickHouse, listeners: Sequence[int], songs: Sequence[int]) -> Mapping[str, str]:
    """Which rows go, by table; `seen` first, whose rows are known by those of others."""
    people = ", ".join(str(int(each)) for each in listeners)
    plays = " UNION ALL ".join(
        f"SELECT UUIDStringToNum(toString(play_id)) FROM {table} WHERE listener_id IN ({people})"  # noqa: S608
        for table in (PlaybackEvents.table, Listens.table)
    )
    rows = {Seen.table: f"{Seen.play_key} IN ({plays})"}
    for line in client.raw_query(COLUMNS, fmt="TSV").decode().splitlines():
        table, told = line.split("\t")
        columns = {each.strip("[]'") for each in told.split(",")}
        which = [f"{each} IN ({people})" for each in ("listener_id", "blocked_id") if each in columns]
        if {"kind", "target_id"} <= columns:
            which.append(f"toString(kind) = 'listener' AND target_id IN ({people})")
        if "listener_id" in columns:
            rows[table] = " OR ".join(which)
    if songs:
        gone = ", ".join(str(int(each)) for each in songs)
        rows |= dict.fromkeys(ABOUT_SONGS, f"song_id IN ({gone})")
    return rows


def _room(which: str) -> dict[str, object]:
    return {"max_query_size": len(which) + 4096, "lightweight_deletes_sync": 2}
