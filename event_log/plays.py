"""Plays in columns, as the sinks read them: made of blocks and of events, with no object for each play."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from event_log.columns import Array, check, columns_of, events_of_block
from event_log.listens import COMPLETE, LISTEN_MS
from foundation.contracts.events import KINDS, REASONS, SOURCES, Event, PlaybackEvent, PlayBlock
from foundation.contracts.tables import PlaybackEvents

COUNTS = (
    "counts"  # the column beside those of playback_events: whether the play is known to be a listen by then
)
OUTCOMES = ("unknown", "skip_early", "skip_late", "completed")
_UNKNOWN, _EARLY, _LATE, _COMPLETED = range(len(OUTCOMES))
_FINISHED, _SKIPPED, _STOPPED = (REASONS.index(reason) for reason in ("finished", "skipped", "stopped"))
START, END = KINDS.index("start"), KINDS.index("end")
IMPORTED = SOURCES.index("imported")

_names = PlaybackEvents
Shape = TypeVar("Shape", bound=Event)
Made = TypeVar("Made")


class Told(Sequence[Event]):
    """What segments tell: the plays in columns, and all other events one by one. As a sequence it is every event in order.

    Columns are made when they are asked for, of all plays at once: a backlog is thousands of segments of a few plays, and a
    column of one asks for as much as a column of all.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        """Raises ValueError for a block whose columns do not fit together."""
        self.events: Sequence[Event] = events  # as they were told, blocks among them
        self._made: dict[Callable[[Told], Any], Any] = {}
        self.others = [event for event in events if not isinstance(event, PlaybackEvent | PlayBlock)]
        for event in events:
            if isinstance(event, PlayBlock):
                check(event)

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

    def once(self, make: "Callable[[Told], Made]") -> Made:
        """What is made of this, made when it is asked for first; for one thread after the other."""
        if make not in self._made:
            self._made[make] = make(self)
        found: Made = self._made[make]
        return found

    @property
    def traceparents(self) -> Iterator[str]:
        """Of the requests that told these plays, where somebody traces them."""
        traced = (event for event in self.events if isinstance(event, PlaybackEvent | PlayBlock))
        return (event.traceparent for event in traced if event.traceparent)

    @cached_property
    def _columns(self) -> tuple[pa.Table, list[Event]]:
        rows, unfit = columns_of(self.events)
        return _judged(rows), unfit

    def __len__(self) -> int:
        return int(self.plays.num_rows) + len(self.others)

    def __iter__(self) -> Iterator[Event]:
        for event in self.events:
            if isinstance(event, PlayBlock):
                yield from events_of_block(event)
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


def are_ascending(values: pa.Array) -> bool:
    """Whether these are ids, or begin with ids, each of which is greater than the one before it; an import tells its plays so.

    >>> one, two = bytes(16), bytes(15) + b"1"
    >>> [are_ascending(pa.array(ids, pa.binary(16))) for ids in ([one, two], [two, one], [one, one])]
    [True, False, False]
    """
    if not pa.types.is_fixed_size_binary(values.type):
        return False
    high, low = (
        np.ascontiguousarray(bytes_of(values)[:, begin : begin + 8]).view(">u8").ravel() for begin in (0, 8)
    )
    later = (high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))
    return bool(later.all())


def firsts(values: pa.Array) -> Array:
    """Of each value whether it stands there for the first time.

    >>> firsts(pa.array(["a", "b", "a", "c"])).tolist()
    [True, True, False, True]
    """
    if are_ascending(values):
        return np.ones(len(values), bool)
    codes = values.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    highest = np.maximum.accumulate(codes) if len(codes) else codes
    is_first: Array = codes > np.concatenate(([-1], highest[:-1]))
    return is_first


def first_of_each(values: pa.Array, is_better: Array) -> Array:
    """The positions of one row for each value: the first of the better ones, else the first; in their order.

    >>> first_of_each(pa.array(["a", "a", "b", "b"]), np.array([False, True, False, False])).tolist()
    [1, 2]
    """
    if are_ascending(values):
        return np.arange(len(values))
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
    those = telling[first_of_each(ids, is_end[telling])]
    return plays if len(those) == plays.num_rows else plays.take(pa.array(those))


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
