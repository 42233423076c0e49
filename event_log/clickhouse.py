"""The sink that fills the warehouse: a segment's events in one insert a table, each play once, whatever dies when."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol, TypeAlias

import pyarrow as pa

from event_log import rows
from event_log.rows import Told
from event_log.segments import quarantine, replace
from event_log.settling import (
    Keyed,
    Settled,
    ids_of,
    keys_in,
    keys_of,
    note_of,
    read_note,
    settle,
    taken,
    without,
)
from foundation.contracts.events import (
    BlockChanged,
    Event,
    FollowChanged,
    ImportedCount,
    ListenerChanged,
    ListenRemoved,
    LyricsChanged,
    OpinionChanged,
    PlaybackEvent,
    PreferencesChanged,
    SlateServed,
    SongChanged,
    encode,
)
from foundation.contracts.tables import (
    Blocks,
    Follows,
    ImportedCounts,
    Impressions,
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
LOOKUP = 20_000  # ids in one query


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

    def query_arrow(self, query: str, *, settings: dict[str, object] | None = None) -> pa.Table:
        """The answer of a query as an Arrow table."""

    def command(self, cmd: str, *, settings: dict[str, object] | None = None) -> object:
        """Run one statement and return its single value, if it has one."""


Correct: TypeAlias = Callable[[ClickHouse, Sequence[date], Sequence[int]], None]
"""Makes every rollup right for some days (UTC) and songs, after a try that may have missed some of it."""


class ClickHouseSink:
    """Writes playback_events, listens, seen, imported_counts and what the catalog tells; views make the rollups.

    Which plays of a segment are new is settled before the first insert and kept beside the segment. `seen` is written
    last. So a try that finds that note repeats an earlier one: it writes what the tables turn out to lack, since a
    deduplication token alone may be forgotten in a crash (ClickHouse does not sync its deduplication log).
    """

    name = "clickhouse"

    def __init__(self, connect: Callable[[], ClickHouse], directory: Path, correct: Correct) -> None:
        """`connect` is called when there is something to write: the server may be away until then.

        `directory` is the log's: notes lie beside the segments they belong to. `correct` counts rollups anew.
        """
        self._connect, self._directory, self._correct = connect, directory, correct
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
            # Rows of these replace their like, so that writing them twice is harmless.
            self._replace(Songs.table, _only(SongChanged, events), rows.songs),
            self._replace(Lyrics.table, _only(LyricsChanged, events), rows.lyrics),
            self._replace(Listeners.table, _only(ListenerChanged, events), rows.listeners),
            self._replace(Opinions.table, _only(OpinionChanged, events), rows.opinions),
            self._replace(Follows.table, _only(FollowChanged, events), rows.follows),
            self._replace(Blocks.table, _only(BlockChanged, events), rows.blocks),
            self._replace(Preferences.table, _only(PreferencesChanged, events), rows.preferences),
            self._replace(ImportedCounts.table, _only(ImportedCount, events), rows.imported_counts),
            self._replace(Impressions.table, _only(SlateServed, events), rows.impressions),
            self._add_plays(segment_id, _only(PlaybackEvent, events), _only(ListenRemoved, events)),
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

    def _add_plays(
        self, segment_id: str, plays: list[PlaybackEvent], removed: list[ListenRemoved]
    ) -> list[PlaybackEvent]:
        """Insert the plays that are new, and take back what is removed; returns the events that do not fit."""
        playback, unfit = rows.fitting(plays, rows.playback_events)
        told = Keyed.by(playback)
        note = self._directory / f"{segment_id}.{self.name}"
        is_retry = note.exists()
        settled = read_note(note, playback.num_rows, len(removed)) if is_retry else None
        if settled is None:
            ids = [removal.play_id.bytes for removal in removed]
            known = self._asked("seen", told.known_by(ids), pa.array([], pa.uint64()))
            settled = settle(told, ids, known, _now_ms())
            if settled.changes_anything(playback.num_rows):
                replace(note, note_of(settled, playback.num_rows, len(removed)))
        if is_retry:
            logger.info("%s was begun before: writing what is missing of it", segment_id)
            self._wait_for_earlier_inserts()
        self._write(segment_id, playback, removed, settled, is_retry=is_retry)
        self._insert(Seen.table, rows.seen(*settled.marks(told, removed)))
        note.unlink(missing_ok=True)
        return unfit

    def _write(
        self,
        segment_id: str,
        playback: pa.Table,
        removed: list[ListenRemoved],
        settled: Settled,
        *,
        is_retry: bool,
    ) -> None:
        """Write what is new; what it is known by is written after it."""
        events = without(playback, settled.repeated).drop_columns("counts")
        listens = rows.listens_of(taken(playback, settled.listens))
        revised = rows.listens_of(taken(playback, settled.revised))
        gone = [removed[at] for at in settled.removed]
        if is_retry:
            self._complete(segment_id, PlaybackEvents.table, events, "held_events")
            self._complete(segment_id, Listens.table, listens, "held_listens")
        else:
            self._insert(PlaybackEvents.table, events, token=segment_id)
            self._insert(Listens.table, listens, token=segment_id)
        if revised.num_rows or gone:
            self._take_back(revised, gone, settled.at_ms)
            moment = pa.array([settled.at_ms] * revised.num_rows, pa.timestamp("ms", "UTC"))
            anew = revised.append_column(Listens.ingested_at, moment)
            if is_retry:
                anew = self._missing(anew, "held_revisions", at=settled.at_ms)
            self._insert(Listens.table, anew, token=f"{segment_id}/revised")
        if is_retry:
            self._recount(listens, revised, gone)

    def _recount(self, listens: pa.Table, revised: pa.Table, gone: list[ListenRemoved]) -> None:
        """The views may have missed what a crash left in the tables: let what these touch be counted anew."""
        moments = [removal.started_at for removal in gone]
        songs = {removal.song_id for removal in gone}
        for table in (listens, revised):
            moments += table[Listens.listened_at].to_pylist()
            songs |= set(table[Listens.song_id].to_pylist())
        if moments:
            self._correct(self._client, sorted({moment.date() for moment in moments}), sorted(songs))

    def held(self, query: str, plays: pa.Table, **values: int) -> set[bytes]:
        """The keys of these plays that a table holds already, as its query says."""
        held: set[bytes] = set()
        for start in range(0, plays.num_rows, LOOKUP):
            part = plays.slice(start, LOOKUP)
            listeners = part[PlaybackEvents.listener_id].unique()
            held |= self._asked(query, sorted(set(ids_of(part))), listeners, **values)
        return held

    def _asked(self, query: str, ids: Sequence[bytes], listeners: pa.Array, **values: int) -> set[bytes]:
        held: set[bytes] = set()
        for start in range(0, len(ids), LOOKUP):
            some = b"".join(ids[start : start + LOOKUP]).hex()
            sql = _bound(query, keys=some, listeners=listeners, **values)
            found = self._client.raw_query(sql, settings=_room_for(sql), fmt="RowBinary")
            held |= keys_in(found, with_length=query == "held_events")
        return held

    def _take_back(self, revised: pa.Table, gone: list[ListenRemoved], at_ms: int) -> None:
        """Write into removals what listens has of these plays, unless that was done at this moment."""
        ids = sorted({*ids_of(revised), *(removal.play_id.bytes for removal in gone)})
        people = [*revised[Listens.listener_id].to_pylist(), *(removal.listener_id for removal in gone)]
        for start in range(0, len(ids), LOOKUP):
            some = b"".join(ids[start : start + LOOKUP]).hex()
            sql = _bound("remove", keys=some, listeners=pa.array(sorted(set(people)), pa.uint64()), at=at_ms)
            self._client.command(sql, settings=_room_for(sql) | {"async_insert": 0})

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

    def _missing(self, wanted: pa.Table, held_query: str, **values: int) -> pa.Table:
        held = self.held(held_query, wanted, **values)
        return without(wanted, [at for at, key in enumerate(keys_of(wanted)) if key in held])

    def _wait_for_earlier_inserts(self) -> None:
        """Return when the server works on none of our inserts: one whose client died may still be on its way."""
        sql = (QUERIES / "inserting.sql").read_text()
        while int(self._client.raw_query(sql, fmt="TSV")):
            time.sleep(0.1)


def _only(shape: type[Told], events: Sequence[Event]) -> list[Told]:
    return [event for event in events if type(event) is shape]


def _bound(query: str, *, keys: str, listeners: pa.Array, at: int = 0) -> str:
    """The query with its parameters as literals: real ones travel in the address, which has no room for thousands."""
    sql = (QUERIES / f"{query}.sql").read_text()
    people = ",".join(str(int(listener)) for listener in listeners.to_pylist())
    return (
        sql.replace("{keys:String}", f"'{keys}'")
        .replace("{at:Int64}", str(int(at)))
        .replace("{listeners:Array(UInt64)}", f"[{people}]")
    )


def _room_for(sql: str) -> dict[str, object]:
    return {"max_query_size": len(sql) + 1024}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
