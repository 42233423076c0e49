"""Plays as the log tells them, one by one or in blocks, laid out in columns."""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from foundation.contracts.events import KINDS, REASONS, SOURCES, Event, PlaybackEvent, PlayBlock
from foundation.contracts.tables import PlaybackEvents

logger = logging.getLogger(__name__)

KEY = pa.binary(16)  # ClickHouse reads it as a UUID, or as FixedString(16): the first byte first in both
MOMENT = pa.timestamp("ms", "UTC")
_FIRST, _BEHIND_LAST = (datetime(year, 1, 1, tzinfo=UTC) for year in (1900, 2299))  # of a DateTime64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS, _BEHIND_LAST_MS = (
    int((moment - _EPOCH).total_seconds()) * 1000 for moment in (_FIRST, _BEHIND_LAST)
)
_names = PlaybackEvents
SCHEMA = pa.schema(
    [
        (_names.play_id, KEY),
        (_names.kind, pa.uint8()),  # its place in KINDS; likewise REASONS and SOURCES
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


def columns_of(events: Sequence[Event]) -> tuple[pa.Table, list[Event]]:
    """The plays among these events in their order, and those whose values no column holds.

    All at once: a column of one play asks for as much as a column of thousands.
    """
    alone, unfit = _of_those_that_fit([told for told in events if isinstance(told, PlaybackEvent)])
    blocks = [told for told in events if isinstance(told, PlayBlock)]
    in_blocks, fits = _of_blocks(blocks)
    left_out = set(map(id, unfit))
    rows = pa.concat_tables([alone, in_blocks]).combine_chunks()
    if not fits.all():
        logger.warning("%d plays are left out: no store can hold what they tell", (~fits).sum())
        unfit += _unfit_of(blocks, fits)
    fits = np.concatenate([np.ones(alone.num_rows, np.bool_), fits])
    if (alone.num_rows and blocks) or not fits.all():
        places = _places([told for told in events if id(told) not in left_out], alone.num_rows)
        rows = rows.take(pa.array(places[fits[places]]))
    return rows, unfit


def check(block: PlayBlock) -> None:
    """Raises ValueError for a block whose columns do not fit together."""
    rows = len(block.kinds)
    for name, width in _WIDTHS.items():
        told = len(getattr(block, name))
        if told != width * rows and not (told == 0 and name in _LEFT_OUT):
            raise ValueError(f"a block of {rows} plays tells {told} bytes of {name}")


def _of_those_that_fit(plays: Sequence[PlaybackEvent]) -> tuple[pa.Table, list[Event]]:
    """Without those whose values no column holds: whoever sends a play checks it, and one must not stop all behind it."""
    try:
        return _of_events(plays), []
    except (ValueError, OverflowError, TypeError):
        fit = [play for play in plays if _fits(play)]
        kept = set(map(id, fit))
        unfit = [play for play in plays if id(play) not in kept]
        for play in unfit:
            logger.warning("play %s is left out: no store can hold what it tells", play.play_id)
        return _of_events(fit), [*unfit]


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


def _ids(told: Array, *, has_missing: bool = False) -> pa.Array:
    valid = None
    if has_missing:
        is_there = told.reshape(-1, 16).any(axis=1)
        valid = pa.py_buffer(np.packbits(is_there, bitorder="little").tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(KEY, len(told) // 16, [valid, pa.py_buffer(told)])


def ids_of(high: Array, low: Array) -> pa.Array:
    """A column of ids, each told by its first and its last eight bytes as numbers of 64 bits.

    >>> ids_of(np.array([1], np.uint64), np.array([2], np.uint64))[0].as_py().hex()
    '00000000000000010000000000000002'
    """
    return _ids(np.stack([high, low], axis=1).astype(">u8").view(np.uint8).reshape(-1))


def _perhaps(told: Array, kind: pa.DataType) -> pa.Array:
    """Numbers of which those below zero are missing."""
    return pa.array(told, mask=told < 0).cast(kind)


def _unfit_of(blocks: Sequence[PlayBlock], fits: Array) -> list[Event]:
    """The rows that do not fit, as blocks of their own."""
    ends = np.cumsum([len(block.kinds) for block in blocks])
    parts = zip(blocks, np.split(fits, ends[:-1]), strict=True)
    return [_those_of(block, ~fitting) for block, fitting in parts if not fitting.all()]


def _those_of(block: PlayBlock, which: Array) -> PlayBlock:
    """Some rows of a block."""
    columns = {
        name: np.frombuffer(getattr(block, name), np.uint8).reshape(-1, width)
        for name, width in _WIDTHS.items()
    }
    return msgspec.structs.replace(
        block, **{name: column[which].tobytes() for name, column in columns.items() if len(column)}
    )


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


def events_of_block(block: PlayBlock) -> Iterator[PlaybackEvent]:
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
