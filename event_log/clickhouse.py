"""The sink that fills the warehouse: a segment's events in one insert a table, each play once, whatever dies when."""

import json
import logging
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from event_log import rows
from event_log.rows import Told
from event_log.segments import quarantine, replace
from foundation.contracts.events import (
    BlockChanged,
    Event,
    FollowChanged,
    ImportedCount,
    ListenerChanged,
    LyricsChanged,
    OpinionChanged,
    PlaybackEvent,
    PreferencesChanged,
    SongChanged,
    encode,
)
from foundation.contracts.tables import (
    Blocks,
    Follows,
    ImportedCounts,
    Listeners,
    Listens,
    Lyrics,
    Opinions,
    PlaybackEvents,
    Preferences,
    Seen,
    Songs,
)

logger = logging.getLogger(__name__)

QUERIES = Path(__file__).parent / "queries"
_LOOKUP = 20_000  # ids in one query
_START, _END = b"\x01", b"\x02"  # as the Enum8 columns number the kinds
_KEY_BYTES = 17  # the id, and the kind


class ClickHouse(Protocol):
    """What the sink needs of a ClickHouse client."""

    def insert_arrow(
        self, table: str, arrow_table: pa.Table, *, settings: dict[str, object] | None = None
    ) -> object:
        """Insert the rows; they are on disk when this returns."""

    def raw_query(
        self, query: str, *, settings: dict[str, object] | None = None, fmt: str | None = None
    ) -> bytes:
        """The answer of a query in a format of ClickHouse."""

    def command(self, cmd: str, *, settings: dict[str, object] | None = None) -> object:
        """Run one statement and return its single value, if it has one."""


class ClickHouseSink:
    """Writes playback_events, listens, seen, imported_counts and what the catalog tells; views make the rollups.

    Which plays of a segment are new is settled before the first insert and kept beside the segment. `seen` is written
    last. So a try that finds that note repeats an earlier one: it writes what the tables turn out to lack, since a
    deduplication token alone may be forgotten in a crash (ClickHouse does not sync its deduplication log).
    """

    name = "clickhouse"

    def __init__(self, connect: Callable[[], ClickHouse], directory: Path) -> None:
        """`connect` is called when there is something to write: the server may be away until then.

        `directory` is the log's: notes lie beside the segments they belong to.
        """
        self._connect, self._directory = connect, directory
        self._connected: ClickHouse | None = None
        rows.playback_events([])  # pyarrow's first conversion imports pandas: no event should wait for that

    def apply(self, segment_id: str, events: Sequence[Event]) -> None:
        """Bring the events of one segment into the warehouse; the same segment again adds nothing."""
        try:
            self._apply(segment_id, events)
        except Exception:
            self._connected = (
                None  # a client keeps what it learned of its server, which may come back another
            )
            raise

    @property
    def _client(self) -> ClickHouse:
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _apply(self, segment_id: str, events: Sequence[Event]) -> None:
        left_out = (
            # Rows of these eight replace their like, so that writing them twice is harmless.
            self._replace(Songs.table, _only(SongChanged, events), rows.songs),
            self._replace(Lyrics.table, _only(LyricsChanged, events), rows.lyrics),
            self._replace(Listeners.table, _only(ListenerChanged, events), rows.listeners),
            self._replace(Opinions.table, _only(OpinionChanged, events), rows.opinions),
            self._replace(Follows.table, _only(FollowChanged, events), rows.follows),
            self._replace(Blocks.table, _only(BlockChanged, events), rows.blocks),
            self._replace(Preferences.table, _only(PreferencesChanged, events), rows.preferences),
            self._replace(ImportedCounts.table, _only(ImportedCount, events), rows.imported_counts),
            self._add_plays(segment_id, _only(PlaybackEvent, events)),
        )
        if unfit := [(0, encode([event])) for part in left_out for event in part]:
            segment = self._directory / f"{segment_id}.segment"
            quarantine(segment, unfit, "beyond what the warehouse can hold")

    def _replace(
        self, table: str, told: list[Told], table_of: Callable[[Sequence[Told]], pa.Table]
    ) -> list[Told]:
        """Insert newer rows of a dimension; returns the events that do not fit."""
        filled, unfit = rows.fitting(told, table_of)
        self._insert(table, filled)
        return unfit

    def _add_plays(self, segment_id: str, plays: list[PlaybackEvent]) -> list[PlaybackEvent]:
        """Insert the plays that are new; returns the events that do not fit."""
        playback, unfit = rows.fitting(plays, rows.playback_events)
        note = self._directory / f"{segment_id}.{self.name}"
        is_retry = note.exists()
        repeated = _repeated(note, playback.num_rows) if is_retry else None
        if repeated is None:
            repeated = self._already_told(playback)
            if len(repeated) < playback.num_rows:
                replace(note, _note(playback.num_rows, repeated))
        fresh = _without(playback, repeated)
        if fresh.num_rows:
            told, listens = fresh.drop_columns("counts"), rows.listens_among(fresh)
            if is_retry:
                logger.info("%s was begun before: writing what is missing of it", segment_id)
                self._wait_for_earlier_inserts()
                self._complete(segment_id, PlaybackEvents.table, told, "held_events")
                self._complete(segment_id, Listens.table, listens, "held_listens")
                self._correct_song_days(listens)
            else:
                self._insert(PlaybackEvents.table, told, token=segment_id)
                self._insert(Listens.table, listens, token=segment_id)
            self._insert(Seen.table, rows.seen(fresh))
        note.unlink(missing_ok=True)
        return unfit

    def _already_told(self, playback: pa.Table) -> list[int]:
        """Positions of rows whose key the warehouse holds, or an earlier row of the segment has."""
        told = self.held("seen", playback)
        repeated = []
        for position, key in enumerate(_keys(playback)):
            if key in told:
                repeated.append(position)
            told.add(key)
        return repeated

    def held(self, query: str, plays: pa.Table) -> set[bytes]:
        """The keys of these plays that a table holds already, as its query says."""
        held: set[bytes] = set()
        for start in range(0, plays.num_rows, _LOOKUP):
            part = plays.slice(start, _LOOKUP)
            sql = _bound(
                query,
                keys=b"".join(sorted(set(_ids(part)))).hex(),
                listeners=part[PlaybackEvents.listener_id].unique(),
            )
            found = self._client.raw_query(sql, settings=_room_for(sql), fmt="RowBinary")
            held.update(found[at : at + _KEY_BYTES] for at in range(0, len(found), _KEY_BYTES))
        return held

    def _insert(self, table: str, filled: pa.Table, token: str | None = None) -> None:
        """Insert rows; with a token, a copy of the same insert that is still on its way is dropped by the server."""
        if not filled.num_rows:
            return
        settings: dict[str, object] = {"async_insert": 0, "insert_deduplicate": int(token is not None)}
        if token is not None:
            settings["insert_deduplication_token"] = f"{token}/{table}"
            settings["deduplicate_blocks_in_dependent_materialized_views"] = 1
            settings["max_partitions_per_insert_block"] = (
                0  # an import may span more years than a server allows
            )
        self._client.insert_arrow(table, filled, settings=settings)

    def _complete(self, segment_id: str, table: str, wanted: pa.Table, held_query: str) -> None:
        """Insert the rows that the table lacks, and look again: a token may outlive the rows it stood for."""
        self._insert(table, self._missing(wanted, held_query), token=segment_id)
        lost = self._missing(wanted, held_query)
        self._insert(
            table, lost, token=f"{segment_id}/{time.time_ns()}"
        )  # what this try lost, the next may lose too
        if lost.num_rows and self._missing(wanted, held_query).num_rows:
            raise RuntimeError(f"{table} does not take {lost.num_rows} rows of {segment_id}")

    def _missing(self, wanted: pa.Table, held_query: str) -> pa.Table:
        held = self.held(held_query, wanted)
        return _without(wanted, [at for at, key in enumerate(_keys(wanted)) if key in held])

    def _correct_song_days(self, listens: pa.Table) -> None:
        """The view may have missed listens that a crash left in their table: count the touched songs and days anew."""
        if not listens.num_rows:
            return
        days = pc.unique(listens[Listens.listened_at].cast(pa.date32()))
        sql = _bound("correct_song_days", songs=listens[Listens.song_id].unique(), days=days)
        self._client.command(sql, settings=_room_for(sql))

    def _wait_for_earlier_inserts(self) -> None:
        """Return when the server works on none of our inserts: one whose client died may still be on its way."""
        sql = (QUERIES / "inserting.sql").read_text()
        while int(self._client.raw_query(sql, fmt="TSV")):
            time.sleep(0.1)


def _only(shape: type[Told], events: Sequence[Event]) -> list[Told]:
    return [event for event in events if type(event) is shape]


def _bound(query: str, *, keys: str = "", **arrays: pa.Array) -> str:
    """The query with its parameters as literals: real ones travel in the address, which has no room for thousands."""
    sql = (QUERIES / f"{query}.sql").read_text().replace("{keys:String}", f"'{keys}'")
    for name, kind in (("listeners", "UInt64"), ("songs", "UInt64"), ("days", "Date")):
        if name in arrays:
            sql = sql.replace(
                f"{{{name}:Array({kind})}}", "[" + ",".join(map(_literal, arrays[name].to_pylist())) + "]"
            )
    return sql


def _literal(value: int | date) -> str:
    # A day is a plain string: the server takes it for a Date, and a call a day would be too large a query in some years.
    return f"'{value}'" if isinstance(value, date) else str(int(value))


def _room_for(sql: str) -> dict[str, object]:
    return {"max_query_size": len(sql) + 1024}


def _ids(plays: pa.Table) -> list[bytes]:
    """The play ids of the rows, cut from the column's buffer: ten times faster than asking it for each."""
    column = plays[PlaybackEvents.play_id].combine_chunks()
    start = 16 * column.offset
    data = column.buffers()[1].to_pybytes()[start : start + 16 * len(column)] if len(column) else b""
    return [data[at : at + 16] for at in range(0, len(data), 16)]


def _keys(plays: pa.Table) -> list[bytes]:
    """The key of each row as `seen` tells it in RowBinary. Rows of listens have no kind: they are ends."""
    ids = _ids(plays)
    if PlaybackEvents.kind not in plays.schema.names:
        return [play_id + _END for play_id in ids]
    are_starts = pc.equal(plays[PlaybackEvents.kind].cast(pa.string()), "start").to_numpy().tolist()
    return [
        play_id + (_START if is_start else _END) for play_id, is_start in zip(ids, are_starts, strict=True)
    ]


def _without(plays: pa.Table, positions: Sequence[int]) -> pa.Table:
    if not positions:
        return plays
    left_out = set(positions)
    return plays.filter(pa.array([at not in left_out for at in range(plays.num_rows)]))


def _note(events: int, repeated: Sequence[int]) -> bytes:
    """What is kept beside a segment: how many events it has, and which of them are repeated; a checksum before it."""
    told = json.dumps({"events": events, "repeated": repeated}).encode()
    return b"%08x %s" % (zlib.crc32(told), told)


def _repeated(note: Path, events: int) -> list[int] | None:
    """What an earlier try found repeated in this segment; None when the note or the segment was damaged since."""
    checksum, _, told = note.read_bytes().partition(b" ")
    if checksum != b"%08x" % zlib.crc32(told):
        logger.warning("%s is damaged: looking its events up anew", note)
        return None
    known = json.loads(told)
    if known["events"] == events:
        return [int(position) for position in known["repeated"]]
    logger.warning(
        "%s speaks of %d events where there are %d: looking them up anew", note, known["events"], events
    )
    return None
