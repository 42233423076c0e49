"""Plays in columns, as the sinks read them: made of blocks and of events, with no object for each play."""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from event_log.listens import COMPLETE, LISTEN_MS
from foundation.contracts.events import KINDS, REASONS, SOURCES, Event, PlaybackEvent, PlayBlock
from foundation.contracts.tables import PlaybackEvents

logger = logging.getLogger(__name__)

KEY = pa.binary(16)  # ClickHouse reads it as a UUID, or as FixedString(16): the first byte first in both
MOMENT = pa.timestamp("ms", "UTC")
COUNTS = (
    "counts"  # the column beside those of playback_events: whether the play is known to be a listen by then
)
OUTCOMES = ("unknown", "skip_early", "skip_late", "completed")
_UNKNOWN, _EARLY, _LATE, _COMPLETED = range(len(OUTCOMES))
_FINISHED, _SKIPPED, _STOPPED = (REASONS.index(reason) for reason in ("finished", "skipped", "stopped"))
START, END = KINDS.index("start"), KINDS.index("end")
IMPORTED = SOURCES.index("imported")
_FIRST, _BEHIND_LAST = (datetime(year, 1, 1, tzinfo=UTC) for year in (1900, 2299))  # of a DateTime64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS, _BEHIND_LAST_MS = (
    int((moment - _EPOCH).total_seconds()) * 1000 for moment in (_FIRST, _BEHIND_LAST)
)

_names = PlaybackEvents
SCHEMA = pa.schema(
    [
        (_names.play_id, KEY),
        (
            _names.kind,
            pa.uint8(),
        ),  # the place in KINDS, as the other numbers are places in REASONS, SOURCES, OUTCOMES
        (_names.listener_id, pa.uint64()),
        (_names.song_id, pa.uint64()),
        (_names.started_at, MOMENT),
        (_names.played_ms, pa.uint32()),
        (_names.song_ms, pa.uint32()),
        (_names.reason, pa.uint8()),
        (_names.source, pa.uint8()),
        (_names.origin, pa.string()),
        (_names.slate_id, KEY),
        (_names.position, pa.uint16()),
        (_names.playlist_id, pa.uint64()),  # 0: none
        (_names.country, pa.string()),
        (_names.is_private, pa.bool_()),
        (_names.received_at, MOMENT),
    ]
)

_WIDTHS = {  # bytes of a row in each column of a block
    "play_ids": 16,
    "kinds": 1,
    "listener_ids": 8,
    "song_ids": 8,
    "started_ms": 8,
    "played_ms": 8,
    "song_ms": 4,
    "reasons": 1,
    "sources": 1,
    "are_private": 1,
    "slate_ids": 16,
    "positions": 4,
    "playlist_ids": 8,
}
_LEFT_OUT = frozenset({"slate_ids", "positions", "playlist_ids"})  # columns that a block may leave out
NO_POSITION = (-1).to_bytes(4, "little", signed=True)

Array: TypeAlias = NDArray[Any]
Shape = TypeVar("Shape", bound=Event)


class Told(Sequence[Event]):
    """What segments tell: the plays in columns, and all other events one by one. As a sequence it is every event in order.

    Columns are made when they are asked for, of all plays at once: a backlog is thousands of segments of a few plays, and a
    column of one asks for as much as a column of all.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        """Raises ValueError for a block whose columns do not fit together."""
        self.events: Sequence[Event] = events  # as they were told, blocks among them
        self.others = [event for event in events if not isinstance(event, PlaybackEvent | PlayBlock)]
        for event in events:
            if isinstance(event, PlayBlock):
                _check(event)

    @classmethod
    def of(cls, events: Sequence[Event]) -> "Told":
        """Events as they are told; what is in columns already stays as it is."""
        return events if isinstance(events, Told) else cls(events)

    @classmethod
    def together(cls, parts: Sequence["Told"]) -> "Told":
        """What several segments tell, one after the other."""
        return parts[0] if len(parts) == 1 else cls([event for part in parts for event in part.events])

    @property
    def plays(self) -> pa.Table:
        """The plays that fit, in order, each with what it came to."""
        return self._columns[0]

    @property
    def unfit(self) -> list[Event]:
        """Plays whose values no column holds: no store gets them."""
        return self._columns[1]

    def only(self, shape: type[Shape]) -> list[Shape]:
        """The other events of one kind."""
        return [event for event in self.others if type(event) is shape]

    @property
    def traceparents(self) -> Iterator[str]:
        """Of the requests that told these plays, where somebody traces them."""
        traced = (event for event in self.events if isinstance(event, PlaybackEvent | PlayBlock))
        return (event.traceparent for event in traced if event.traceparent)

    @cached_property
    def _columns(self) -> tuple[pa.Table, list[Event]]:
        alone, unfit = _of_those_that_fit([told for told in self.events if isinstance(told, PlaybackEvent)])
        blocks = [told for told in self.events if isinstance(told, PlayBlock)]
        in_blocks, fits = _of_blocks(blocks)
        left_out = set(map(id, unfit))
        rows = pa.concat_tables([alone, in_blocks]).combine_chunks()
        if not fits.all():
            logger.warning("%d plays are left out: no store can hold what they tell", (~fits).sum())
            unfit += _unfit_of(blocks, fits)
        fits = np.concatenate([np.ones(alone.num_rows, np.bool_), fits])
        if (alone.num_rows and blocks) or not fits.all():
            places = _places([told for told in self.events if id(told) not in left_out], alone.num_rows)
            rows = rows.take(pa.array(places[fits[places]]))
        return _judged(rows), unfit

    def __len__(self) -> int:
        return int(self.plays.num_rows) + len(self.others)

    def __iter__(self) -> Iterator[Event]:
        for event in self.events:
            if isinstance(event, PlayBlock):
                yield from _events_of(event)
            else:
                yield event

    def __getitem__(self, at: Any) -> Any:
        return list(self)[at]


def numbers(column: pa.ChunkedArray, missing: int = -1) -> Array:
    """A column of whole numbers, flags or moments (milliseconds since 1970) for numpy; `missing` stands for null."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    if array.null_count:
        array = array.cast(pa.int64()).fill_null(missing)
    told: Array = array.to_numpy(zero_copy_only=False)
    return told


def bytes_of(column: pa.ChunkedArray) -> Array:
    """A column of ids without nulls as a matrix of bytes, one row each, without copying it."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    width = array.type.byte_width
    if not len(array):
        return np.empty((0, width), np.uint8)
    data = np.frombuffer(array.buffers()[1], np.uint8)
    return data[width * array.offset : width * (array.offset + len(array))].reshape(-1, width)


def binary(rows: Array) -> pa.Array:
    """A matrix of bytes as a column of binary values of that width."""
    data = np.ascontiguousarray(rows, np.uint8)
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(data.shape[1]), len(data), [None, pa.py_buffer(data)]
    )


def firsts(values: pa.Array) -> Array:
    """Of each value whether it stands there for the first time.

    >>> firsts(pa.array(["a", "b", "a", "c"])).tolist()
    [True, True, False, True]
    """
    codes = values.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    highest = np.maximum.accumulate(codes) if len(codes) else codes
    is_first: Array = codes > np.concatenate(([-1], highest[:-1]))
    return is_first


def first_of_each(values: pa.Array, is_better: Array) -> Array:
    """The positions of one row for each value: the first of the better ones, else the first; in their order.

    >>> first_of_each(pa.array(["a", "a", "b", "b"]), np.array([False, True, False, False])).tolist()
    [1, 2]
    """
    codes = values.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    order = np.lexsort((~is_better, codes))  # stable: equals keep their order
    sorted_codes = codes[order]
    is_first = (
        np.concatenate(([True], sorted_codes[1:] != sorted_codes[:-1])) if len(codes) else codes.astype(bool)
    )
    return np.sort(order[is_first])


def most_telling(plays: pa.Table) -> pa.Table:
    """Of each play its first end, else the first event by which it is known to count; nothing of other plays."""
    is_end = numbers(plays[_names.kind]) == END
    telling = np.flatnonzero(is_end | numbers(plays[COUNTS]))
    ids = plays[_names.play_id].combine_chunks().take(pa.array(telling))
    return plays.take(pa.array(telling[first_of_each(ids, is_end[telling])]))


def _of_those_that_fit(plays: Sequence[PlaybackEvent]) -> tuple[pa.Table, list[Event]]:
    """Without those whose values no column holds: whoever sends a play checks it, and one must not stop all behind it."""
    try:
        return _of_events(plays), []
    except (ValueError, OverflowError, TypeError):
        fit = [play for play in plays if _fits(play)]
        kept = set(map(id, fit))
        unfit: list[Event] = [play for play in plays if id(play) not in kept]
        for play in unfit:
            logger.warning("a play is left out: no store can hold what it tells: %s", play)
        return _of_events(fit), unfit


def _places(events: Sequence[Event], alone: int) -> Array:
    """Where the plays of events and blocks stand, in their order, in a table of first those of the `alone` events."""
    begins, lengths = [], []
    event_at, block_at = 0, alone
    for told in events:
        if isinstance(told, PlaybackEvent):
            begins.append(event_at)
            lengths.append(1)
            event_at += 1
        elif isinstance(told, PlayBlock):
            begins.append(block_at)
            lengths.append(len(told.kinds))
            block_at += len(told.kinds)
    before = np.cumsum(lengths) - lengths
    return np.repeat(np.array(begins, np.int64) - before, lengths) + np.arange(block_at)


def _unfit_of(blocks: Sequence[PlayBlock], fits: Array) -> list[Event]:
    """The rows that do not fit, as blocks of their own."""
    ends = np.cumsum([len(block.kinds) for block in blocks])
    parts = zip(blocks, np.split(fits, ends[:-1]), strict=True)
    return [_those_of(block, ~fitting) for block, fitting in parts if not fitting.all()]


def _of_events(plays: Sequence[PlaybackEvent]) -> pa.Table:
    moments = [play.started_at for play in plays] + [play.received_at for play in plays]
    if (
        moments and not _FIRST <= min(moments) <= max(moments) < _BEHIND_LAST
    ):  # TypeError for one without a zone
        raise ValueError("a moment is outside the years 1900 to 2298")
    columns = [
        [play.play_id.bytes for play in plays],
        [KINDS.index(play.kind) for play in plays],
        [play.listener_id for play in plays],
        [play.song_id for play in plays],
        [play.started_at for play in plays],
        [play.played_ms for play in plays],
        [play.song_ms for play in plays],
        [REASONS.index(play.reason) for play in plays],
        [SOURCES.index(play.source) for play in plays],
        [play.origin for play in plays],
        [None if play.slate_id is None else play.slate_id.bytes for play in plays],
        [play.position for play in plays],
        [play.playlist_id or 0 for play in plays],
        [play.country for play in plays],
        [play.is_private for play in plays],
        [play.received_at for play in plays],
    ]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def _fits(play: PlaybackEvent) -> bool:
    try:
        _of_events([play])
    except (ValueError, OverflowError, TypeError):
        return False
    return True


def _of_blocks(blocks: Sequence[PlayBlock]) -> tuple[pa.Table, Array]:
    """The rows of some blocks, and of each whether every column of a store can hold it."""
    lengths = [len(block.kinds) for block in blocks]
    whose = pa.array(np.repeat(np.arange(len(blocks)), lengths))
    kinds, reasons, sources, are_private = (
        _column(blocks, name, np.uint8) for name in ("kinds", "reasons", "sources", "are_private")
    )
    started_ms, played_ms = (_column(blocks, name, "<i8") for name in ("started_ms", "played_ms"))
    positions = _column(blocks, "positions", "<i4", missing=NO_POSITION)
    columns = [
        _ids(_column(blocks, "play_ids", np.uint8)),
        pa.array(kinds),
        pa.array(_column(blocks, "listener_ids", "<u8")),
        pa.array(_column(blocks, "song_ids", "<u8")),
        pa.array(np.clip(started_ms, _FIRST_MS, _BEHIND_LAST_MS)).cast(MOMENT),
        _perhaps(np.clip(played_ms, -1, 2**32 - 1), pa.uint32()),
        _perhaps(_column(blocks, "song_ms", "<i4"), pa.uint32()),
        pa.array(reasons),
        pa.array(sources),
        pa.array([block.origin for block in blocks], pa.string()).take(whose),
        _ids(_column(blocks, "slate_ids", np.uint8, missing=bytes(16)), has_missing=True),
        _perhaps(np.clip(positions, -1, 2**16 - 1), pa.uint16()),
        pa.array(_column(blocks, "playlist_ids", "<u8", missing=bytes(8))),
        pa.array([block.country for block in blocks], pa.string()).take(whose),
        pa.array(are_private).cast(pa.bool_()),
        pa.array([block.received_at for block in blocks], MOMENT).take(whose),
    ]
    fits = (
        (started_ms >= _FIRST_MS)
        & (started_ms < _BEHIND_LAST_MS)
        & (kinds < len(KINDS))
        & (reasons < len(REASONS))
        & (sources < len(SOURCES))
        & (positions < 2**16)
        & (played_ms < 2**32)
    )
    return pa.table(columns, schema=SCHEMA), fits


def _column(blocks: Sequence[PlayBlock], name: str, form: Any, missing: bytes = b"") -> Array:
    """One column of some blocks; `missing` is what a row has of a block that leaves the column out."""
    return np.frombuffer(
        b"".join([getattr(block, name) or missing * len(block.kinds) for block in blocks]), form
    )


def _check(block: PlayBlock) -> None:
    rows = len(block.kinds)
    for name, width in _WIDTHS.items():
        told = len(getattr(block, name))
        if told != width * rows and not (told == 0 and name in _LEFT_OUT):
            raise ValueError(f"a block of {rows} plays tells {told} bytes of {name}")


def _ids(told: Array, *, has_missing: bool = False) -> pa.Array:
    valid = None
    if has_missing:
        is_there = told.reshape(-1, 16).any(axis=1)
        valid = pa.py_buffer(np.packbits(is_there, bitorder="little").tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(KEY, len(told) // 16, [valid, pa.py_buffer(told)])


def _perhaps(told: Array, kind: pa.DataType) -> pa.Array:
    """Numbers of which those below zero are missing."""
    return pa.array(told, mask=told < 0).cast(kind)


def _judged(plays: pa.Table) -> pa.Table:
    """With what each play came to and whether it counts: `outcome_of` and `is_listen` of every row at once."""
    kinds, reasons = numbers(plays[_names.kind]), numbers(plays[_names.reason])
    played, song = numbers(plays[_names.played_ms]), numbers(plays[_names.song_ms], missing=0)
    counts = (played >= 0) & (played >= np.where(song > 0, np.minimum(LISTEN_MS, song / 2), LISTEN_MS))
    rules = (  # the first that holds
        ((kinds != END) | (played < 0), _UNKNOWN, 0.0),
        (reasons == _FINISHED, _COMPLETED, 1.0),
        ((reasons == _SKIPPED) & counts, _LATE, 1.0),
        (reasons == _SKIPPED, _EARLY, 1.0),
        ((song > 0) & (played >= COMPLETE * song), _COMPLETED, 0.9),
        (reasons == _STOPPED, _UNKNOWN, 0.0),
        (~counts & (song > 0), _EARLY, 0.8),
        (~counts, _EARLY, 0.5),
        (song > 0, _LATE, 0.6),
    )
    when = [rule[0] for rule in rules]
    outcomes = np.select(when, [rule[1] for rule in rules], _UNKNOWN).astype(np.uint8)
    confidence = np.select(when, [rule[2] for rule in rules], 0.0).astype(np.float32)
    return (
        plays.append_column(_names.outcome, pa.array(outcomes))
        .append_column(_names.confidence, pa.array(confidence))
        .append_column(COUNTS, pa.array(counts & (kinds != START)))
    )


def _those_of(block: PlayBlock, which: Array) -> PlayBlock:
    """Some rows of a block."""
    columns = {
        name: np.frombuffer(getattr(block, name), np.uint8).reshape(-1, width)
        for name, width in _WIDTHS.items()
    }
    return msgspec.structs.replace(
        block, **{name: column[which].tobytes() for name, column in columns.items() if len(column)}
    )


def _events_of(block: PlayBlock) -> Iterator[PlaybackEvent]:
    """The same as events, for whoever looks at single ones."""
    table, fits = _of_blocks([block])
    for row in table.filter(pa.array(fits)).to_pylist():
        slate = row[_names.slate_id]
        told = {
            _names.play_id: UUID(bytes=row[_names.play_id]),
            _names.kind: KINDS[row[_names.kind]],
            _names.reason: REASONS[row[_names.reason]],
            _names.source: SOURCES[row[_names.source]],
            _names.slate_id: None if slate is None else UUID(bytes=slate),
            _names.playlist_id: row[_names.playlist_id] or None,
            _names.received_at: block.received_at,
        }
        yield PlaybackEvent(**row | told, traceparent=block.traceparent)


def words(codes: pa.ChunkedArray, names: Sequence[str]) -> pa.Array:
    """Numbers as what they stand for: ClickHouse reads a dictionary as an Enum or a LowCardinality."""
    array = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
    return pa.DictionaryArray.from_arrays(array.cast(pa.int8()), pa.array(names, pa.string()))


def rows_of(plays: pa.Table) -> pa.Table:
    """Rows of playback_events as ClickHouse takes them."""
    named = {
        _names.kind: words(plays[_names.kind], KINDS),
        _names.reason: words(plays[_names.reason], REASONS),
        _names.outcome: words(plays[_names.outcome], OUTCOMES),
        _names.source: words(plays[_names.source], SOURCES),
        _names.origin: pc.dictionary_encode(plays[_names.origin]),
        _names.country: pc.dictionary_encode(plays[_names.country]),
    }
    return pa.table({name: named.get(name, plays[name]) for name in plays.column_names if name != COUNTS})
