"""The sink that fills the warehouse: what segments tell in one insert a table, each play once, whatever dies when."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Protocol, TypeAlias
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from event_log import plays, rows
from event_log.columns import Array
from event_log.plays import Told, numbers
from event_log.rows import Shape
from event_log.segments import quarantine, replace
from event_log.settling import (
    Keyed,
    Settled,
    in_order,
    keys_in,
    keys_of,
    named_by,
    note_of,
    read_note,
    settle,
)
from foundation.contracts.events import (
    BlockChanged,
    Event,
    FeedbackGiven,
    FollowChanged,
    ImportedCount,
    ListenerChanged,
    ListenRemoved,
    LyricsChanged,
    OpinionChanged,
    PlaylistChanged,
    PreferencesChanged,
    SearchMade,
    SlateServed,
    SongChanged,
    encode,
)
from foundation.contracts.tables import (
    Blocks,
    Feedback,
    Follows,
    ImportedCounts,
    Impressions,
    Listeners,
    Listens,
    Lyrics,
    Opinions,
    PlaybackEvents,
    Playlists,
    Preferences,
    Searches,
    Seen,
    Songs,
)
from foundation.engines.clickhouse import ExternalData, sent_along

logger = logging.getLogger(__name__)

QUERIES = Path(__file__).parent / "queries"
LOOKUP = 20_000  # ids in the text of one query


class ClickHouse(Protocol):
    """What the sink needs of a ClickHouse client."""

    def insert_arrow(
        self, table: str, arrow_table: pa.Table, *, settings: dict[str, object] | None = None
    ) -> object:
        """Insert the rows; they are on disk when this returns."""

    def raw_query(
        self,
        query: str,
        *,
        settings: dict[str, object] | None = None,
        fmt: str | None = None,
        external_data: ExternalData | None = None,
    ) -> bytes:
        """The answer of a query, which may read a table that is sent along, in a format of ClickHouse."""

    def query_arrow(self, query: str, *, settings: dict[str, object] | None = None) -> pa.Table:
        """The answer of a query as an Arrow table."""

    def command(self, cmd: str, *, settings: dict[str, object] | None = None) -> object:
        """Run one statement and return its single value, if it has one."""


Correct: TypeAlias = Callable[[ClickHouse, Sequence[date], Sequence[int]], None]
"""Makes every rollup right for some days (UTC) and songs, after a try that may have missed some of it."""


class ClickHouseSink:
    """Writes playback_events, listens, seen, imported_counts and what the catalog tells; views make the rollups.

    Which plays of some segments are new is settled before the first insert and kept beside them. `seen` is written
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
        self._beside = ThreadPoolExecutor(1, "clickhouse-beside")
        plays.rows_of(
            Told(()).plays
        )  # pyarrow's first conversion imports pandas: no event should wait for that

    def apply(self, segment_ids: Sequence[str], events: Sequence[Event]) -> None:
        """Bring the events of some segments into the warehouse; the same segments again add nothing."""
        try:
            self._apply(segment_ids, Told.of(events))
        except Exception:
            self._connected = (
                None  # a client keeps what it learned of its server, which may come back another
            )
            raise

    def prepare(self, events: Told) -> None:
        """Compute what is asked of `seen`, and the rows that may be new."""
        events.once(_keyed)
        events.once(_playback)

    @property
    def _client(self) -> ClickHouse:
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _apply(self, segment_ids: Sequence[str], told: Told) -> None:
        left_out = (
            told.unfit,
            # Rows of these replace their like, so that writing them twice is harmless.
            self._replace(Songs.table, told.only(SongChanged), rows.songs),
            self._replace(Lyrics.table, told.only(LyricsChanged), rows.lyrics),
            self._replace(Listeners.table, told.only(ListenerChanged), rows.listeners),
            self._replace(Playlists.table, told.only(PlaylistChanged), rows.playlists),
            self._replace(Opinions.table, told.only(OpinionChanged), rows.opinions),
            self._replace(Follows.table, told.only(FollowChanged), rows.follows),
            self._replace(Blocks.table, told.only(BlockChanged), rows.blocks),
            self._replace(Preferences.table, told.only(PreferencesChanged), rows.preferences),
            self._replace(Feedback.table, told.only(FeedbackGiven), rows.feedback),
            self._replace(ImportedCounts.table, told.only(ImportedCount), rows.imported_counts),
            self._replace(Impressions.table, told.only(SlateServed), rows.impressions),
            self._replace(Searches.table, told.only(SearchMade), rows.searches),
        )
        removed = told.only(ListenRemoved)
        if told.plays.num_rows or removed:
            self._add_plays(segment_ids, told, removed)
        if unfit := [(0, encode([event])) for part in left_out for event in part]:
            segment = self._directory / f"{segment_ids[0]}.segment"
            quarantine(segment, unfit, "beyond what the warehouse can hold")

    def _replace(
        self, table: str, told: list[Shape], table_of: Callable[[Sequence[Shape]], pa.Table]
    ) -> list[Shape]:
        """Insert newer rows of a dimension; returns the events that do not fit."""
        if not told:
            return []
        filled, unfit = rows.fitting(told, table_of)
        self._insert(table, filled)
        return unfit

    def _add_plays(self, segment_ids: Sequence[str], told: Told, removed: list[ListenRemoved]) -> None:
        """Insert the plays that are new, and take back what is removed."""
        keyed = told.once(_keyed)
        gone = [removal.play_id.bytes for removal in removed]
        note = self._directory / f"{segment_ids[0]}.{self.name}"
        earlier = named_by(self._directory.glob(f"*.{self.name}"), segment_ids)
        is_retry = bool(earlier)
        settled = read_note(note, segment_ids, len(keyed.ids), len(removed)) if note in earlier else None
        if settled is None:
            known = self.seen(keyed.known_by(gone))
            settled = settle(keyed, gone, known, _now_ms())
            if settled.changes_anything:
                replace(note, note_of(settled, segment_ids, len(removed)))
        if is_retry:
            logger.info("%s was begun before: writing what is missing of it", segment_ids[0])
            self._wait_for_earlier_inserts()
        if settled.changes_anything:
            gone_now = [removed[at] for at in settled.removed]
            self._write(segment_ids[0], told.once(_playback), gone_now, settled, is_retry=is_retry)
            self._insert(Seen.table, rows.seen(*keyed.marks(settled, gone)))
        for path, others in (earlier | {note: []}).items():
            if others:  # of a group that the cursor forgot: what is left of it may have been begun, too
                replace(path, note_of(settled, others, -1))
            else:
                path.unlink(missing_ok=True)

    def _write(
        self,
        segment_id: str,
        playback: pa.Table,
        gone: Sequence[ListenRemoved],
        settled: Settled,
        *,
        is_retry: bool,
    ) -> None:
        """Write what is new; what it is known by is written after it."""
        events = _those(playback, settled.fresh)
        listens = rows.listens_of(_those(playback, settled.listens))
        revised = rows.listens_of(_those(playback, settled.revised))

        def put(table: str, filled: pa.Table, held: str) -> None:
            if is_retry:
                self._complete(segment_id, table, filled, held)
            else:
                self._insert(table, filled, token=segment_id)

        # Side by side: both spend most of their time waiting for the disk.
        beside = self._beside.submit(put, PlaybackEvents.table, events, "held_events")
        try:
            put(Listens.table, listens, "held_listens")
        finally:
            beside.result()
        if revised.num_rows or gone:
            self._take_back(revised, gone, settled.at_ms)
            moment = pa.array([settled.at_ms] * revised.num_rows, pa.timestamp("ms", "UTC"))
            anew = revised.append_column(Listens.ingested_at, moment)
            if is_retry:
                anew = self._missing(anew, "held_revisions", at=settled.at_ms)
            self._insert(Listens.table, anew, token=f"{segment_id}/revised")
        if is_retry:
            self._recount(events, revised, gone)

    def _recount(self, events: pa.Table, revised: pa.Table, gone: Sequence[ListenRemoved]) -> None:
        """The views may have missed what a crash left in the tables: let what these touch be counted anew."""
        moments = [removal.started_at for removal in gone]
        songs = {removal.song_id for removal in gone}
        # Of all events: where people leave a song is counted of plays that made no listen, too.
        for told, begun in ((events, PlaybackEvents.started_at), (revised, Listens.listened_at)):
            moments += told[begun].to_pylist()
            songs |= set(told[PlaybackEvents.song_id].to_pylist())
        if moments:
            self._correct(self._client, sorted({moment.date() for moment in moments}), sorted(songs))

    def seen(self, ids: pa.Array) -> pa.Array:
        """The keys that `seen` has of these ids, which are in its order."""
        if not len(ids):
            return keys_in(b"", with_length=False)
        asked = sent_along("asked", f"{Seen.play_key} FixedString(16)", plays.bytes_of(ids).tobytes())
        sql = (QUERIES / "seen.sql").read_text()
        return keys_in(self._client.raw_query(sql, fmt="RowBinary", external_data=asked), with_length=False)

    def held(self, query: str, told: pa.Table, **values: int) -> pa.Array:
        """The keys of these plays that a table holds already, as its query says."""
        found = []
        for start in range(0, told.num_rows, LOOKUP):
            part = told.slice(start, LOOKUP)
            listeners = part[PlaybackEvents.listener_id].unique()
            ids = in_order(part[PlaybackEvents.play_id].combine_chunks().unique())
            found.append(self._asked(query, ids, listeners, **values))
        return pa.concat_arrays(found) if found else keys_in(b"", with_length=False)

    def _asked(self, query: str, ids: pa.Array, listeners: pa.Array, **values: int) -> pa.Array:
        found = [keys_in(b"", with_length=False)]
        for start in range(0, len(ids), LOOKUP):
            some = plays.bytes_of(ids[start : start + LOOKUP]).tobytes().hex()
            sql = _bound(query, keys=some, listeners=listeners, **values)
            told = self._client.raw_query(sql, settings=_room_for(sql), fmt="RowBinary")
            found.append(keys_in(told, with_length=query == "held_events"))
        return pa.concat_arrays(found)

    def _take_back(self, revised: pa.Table, gone: Sequence[ListenRemoved], at_ms: int) -> None:
        """Write into removals what listens has of these plays, unless that was done at this moment."""
        ids = sorted({*revised[Listens.play_id].to_pylist(), *(removal.play_id.bytes for removal in gone)})
        people = [*revised[Listens.listener_id].to_pylist(), *(removal.listener_id for removal in gone)]
        for start in range(0, len(ids), LOOKUP):
            some = b"".join(ids[start : start + LOOKUP]).hex()
            sql = _bound("remove", keys=some, listeners=pa.array(sorted(set(people)), pa.uint64()), at=at_ms)
            self._client.command(sql, settings=_room_for(sql) | {"async_insert": 0})

    def _insert(self, table: str, filled: pa.Table, token: str | None = None) -> None:
        """Insert rows; with a token, a copy of the same insert that is still on its way is dropped by the server.

        Without one a new one is made, or the server would drop rows that happen to be those of an earlier insert.
        """
        if filled.num_rows:
            settings: dict[str, object] = {
                "async_insert": 0,
                "insert_deduplication_token": f"{token or uuid4()}/{table}",
                "deduplicate_blocks_in_dependent_materialized_views": 1,
                "max_partitions_per_insert_block": 0,  # an import may span more years than a server allows
            }
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
        is_held = numbers(pc.is_in(keys_of(wanted), self.held(held_query, wanted, **values)))
        return _those(wanted, ~is_held)

    def _wait_for_earlier_inserts(self) -> None:
        """Return when the server works on none of our inserts: one whose client died may still be on its way."""
        sql = (QUERIES / "inserting.sql").read_text()
        while int(self._client.raw_query(sql, fmt="TSV")):
            time.sleep(0.1)


def _keyed(told: Told) -> Keyed:
    return Keyed.by(told.plays)


def _playback(told: Told) -> pa.Table:
    return plays.rows_of(told.plays)


def _those(table: pa.Table, which: Array) -> pa.Table:
    """The rows so flagged."""
    return table if which.all() else table.filter(pa.array(which))


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
