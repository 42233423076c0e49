"""Settles what of some segments is new to the warehouse, before anything is written: which events, listens and removals.

A play becomes a listen by its first event that shows it to count: a heartbeat, a pause, or its end. An end that comes after a
heartbeat has made the listen tells its real length: the listen is then taken back and written anew. What is settled is
kept in a note beside the segments, so that a second try does the same.
"""

import logging
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from event_log.columns import Array
from event_log.plays import (
    COUNTS,
    END,
    IMPORTED,
    START,
    are_ascending,
    binary,
    bytes_of,
    first_of_each,
    firsts,
    numbers,
)
from foundation.contracts.tables import PlaybackEvents

logger = logging.getLogger(__name__)

SEEN_KINDS = ("start", "end", "heartbeat", "pause", "listen", "removal")  # an Enum8 numbers them from 1 on
_LISTEN, _REMOVAL = SEEN_KINDS.index("listen") + 1, SEEN_KINDS.index("removal") + 1
_ID_BYTES, _KEY_BYTES = 16, 17  # of a key: the id, and the kind
_TIME_BYTES = 10  # of an id: what it is sorted by
_LENGTH_BYTES = 4  # of a UInt32


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of the rows of playback_events, each by a flag, and of the removals, by their places."""

    fresh: Array  # not known before, and not told twice here
    listens: Array  # that make a listen
    revised: Array  # ends that tell a listen's real length
    removed: Sequence[int]  # of the removals, those that are new
    at_ms: int  # since 1970: when what is taken back is taken back

    @property
    def changes_anything(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.fresh.any() or self.removed)


@dataclass(frozen=True, slots=True)
class Keyed:
    """What settling looks at of the rows of playback_events, each a column with one entry a row."""

    keys: pa.Array  # by which `seen` knows each: id and kind
    are_first: Array  # that no row before has the same key
    ids: pa.Array
    is_end: Array
    counts: Array
    is_imported: Array

    @classmethod
    def by(cls, plays: pa.Table) -> "Keyed":
        """Cut from the columns."""
        keys = keys_of(plays)
        return cls(
            keys,
            firsts(keys),
            plays[PlaybackEvents.play_id].combine_chunks(),
            numbers(plays[PlaybackEvents.kind]) == END,
            numbers(plays[COUNTS]),
            numbers(plays[PlaybackEvents.source]) == IMPORTED,
        )

    def known_by(self, removed: Sequence[bytes]) -> pa.Array:
        """What to ask `seen` for, in its order: the plays, and what their heartbeats and pauses are known by."""
        ids, keys = bytes_of(self.ids), bytes_of(self.keys)
        are_between = keys[:, _ID_BYTES] > END + 1
        asked = [ids, keys[are_between, :_ID_BYTES], _matrix(removed)]
        return in_order(binary(np.concatenate(asked)) if are_between.any() or removed else self.ids)

    def marks(self, settled: Settled, removed: Sequence[bytes]) -> tuple[Array, Array]:
        """The keys by which all that was settled is known from now on, and which of them are kept for ever."""
        # Of an import the end alone makes a listen, and is kept itself.
        listens = settled.listens & ~self.is_imported
        gone = _matrix([removed[at] for at in settled.removed])
        keys = [
            bytes_of(self.keys)[settled.fresh],
            _with_kind(bytes_of(self.ids)[listens], _LISTEN),
            _with_kind(gone, _REMOVAL),
        ]
        are_kept = [self.is_imported[settled.fresh], np.zeros(listens.sum(), bool), np.ones(len(gone), bool)]
        return np.concatenate(keys), np.concatenate(are_kept)


def settle(told: Keyed, removed: Sequence[bytes], known: pa.Array, at_ms: int) -> Settled:
    """What becomes of these rows and of the removals of these plays, where `known` are the keys that `seen` has of them."""

    def are_known(kind: int) -> Array:
        return numbers(pc.is_in(binary(_with_kind(ids, kind)), known))

    ids = bytes_of(told.ids)
    fresh = told.are_first
    if len(known):
        fresh = fresh & ~numbers(pc.is_in(told.keys, known))
    counts = fresh & told.counts
    if not len(known):  # as nearly always
        makes, revised = counts, np.zeros(len(counts), bool)
    else:
        counts &= ~are_known(_REMOVAL)
        makes = counts & (told.is_imported | ~are_known(_LISTEN))
        # What goes need not be told anew, and what is told anew would stay.
        goes = numbers(pc.is_in(told.ids, binary(_matrix(removed))))
        revised = counts & ~makes & told.is_end & ~goes
    listens = np.zeros(len(counts), bool)
    at = np.flatnonzero(makes)
    listens[at[first_of_each(told.ids.take(pa.array(at)), told.is_end[at])]] = (
        True  # of one play the end tells most
    )
    gone = binary(_matrix(removed))
    is_new = firsts(gone) & ~numbers(pc.is_in(binary(_with_kind(bytes_of(gone), _REMOVAL)), known))
    return Settled(fresh, listens, revised, np.flatnonzero(is_new).tolist(), at_ms)


def keys_of(plays: pa.Table) -> pa.Array:
    """The key of each row as `seen` has it. Rows of listens have no kind: they are ends."""
    ids = bytes_of(plays[PlaybackEvents.play_id])
    if PlaybackEvents.kind not in plays.schema.names:
        return binary(_with_kind(ids, END + 1))
    told = plays[PlaybackEvents.kind].combine_chunks()
    kinds = numbers(told.indices if pa.types.is_dictionary(told.type) else told)
    keys = _with_kind(ids, kinds + 1)
    lengths = numbers(plays[PlaybackEvents.played_ms], missing=0)
    for at in np.flatnonzero((kinds != START) & (kinds != END)):
        keys[at, :_ID_BYTES] = np.frombuffer(_by_length(ids[at].tobytes(), int(lengths[at])), np.uint8)
    return binary(keys)


def _by_length(play_id: bytes, played_ms: int) -> bytes:
    """Of a heartbeat or a pause how far the play had come belongs to its key; it still sorts by its play's time."""
    told = play_id + played_ms.to_bytes(_LENGTH_BYTES, "little")
    return play_id[:_TIME_BYTES] + blake2b(told, digest_size=_ID_BYTES - _TIME_BYTES).digest()


def keys_in(found: bytes, *, with_length: bool) -> pa.Array:
    """The keys in an answer in RowBinary: ids with their kinds, and where asked for how much was played by then."""
    if not with_length:
        return pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(_KEY_BYTES), len(found) // _KEY_BYTES, [None, pa.py_buffer(found)]
        )
    rows = np.frombuffer(found, np.uint8).reshape(-1, _KEY_BYTES + _LENGTH_BYTES)
    keys = rows[:, :_KEY_BYTES].copy()
    for at in np.flatnonzero((keys[:, _ID_BYTES] != START + 1) & (keys[:, _ID_BYTES] != END + 1)):
        length = int.from_bytes(rows[at, _KEY_BYTES:].tobytes(), "little")
        keys[at, :_ID_BYTES] = np.frombuffer(_by_length(keys[at, :_ID_BYTES].tobytes(), length), np.uint8)
    return binary(keys)


def in_order(ids: pa.Array) -> pa.Array:
    """Ids sorted by their bytes, as `seen` is: what is asked for together lies together."""
    return ids if are_ascending(ids) else ids.take(order_of(ids))


def order_of(ids: pa.Array) -> pa.Array:
    """The places of ids, sorted by their bytes."""
    halves = bytes_of(ids).view(">u8").reshape(-1, 2)
    return pa.array(np.lexsort((halves[:, 1], halves[:, 0])))


def _with_kind(ids: Array, kind: "int | Array") -> Array:
    keys = np.empty((len(ids), _KEY_BYTES), np.uint8)
    keys[:, :_ID_BYTES] = ids
    keys[:, _ID_BYTES] = kind
    return keys


def _matrix(ids: Sequence[bytes]) -> Array:
    return np.frombuffer(b"".join(ids), np.uint8).reshape(-1, _ID_BYTES)


class _Note(msgspec.Struct):
    """What is kept of what was settled; a flag is a bit."""

    segments: Sequence[str]
    events: int
    removals: int
    fresh: bytes
    listens: bytes
    revised: bytes
    removed: Sequence[int]
    at_ms: int


def note_of(settled: Settled, segments: Sequence[str], removals: int) -> bytes:
    """What is kept beside the segments: which they are, how much they have, and what was settled of it; a checksum before it."""
    fresh, listens, revised = (
        np.packbits(told).tobytes() for told in (settled.fresh, settled.listens, settled.revised)
    )
    events = len(settled.fresh)
    note = _Note(segments, events, removals, fresh, listens, revised, settled.removed, settled.at_ms)
    encoded = msgspec.json.encode(note)
    return b"%08x %s" % (zlib.crc32(encoded), encoded)


def named_by(notes: Iterable[Path], segments: Sequence[str]) -> dict[Path, list[str]]:
    """The notes that speak of any of these segments, each with the others of which it speaks; any that cannot be read does."""
    found = {}
    for note in notes:
        _, _, told = note.read_bytes().partition(b" ")
        try:
            named = msgspec.json.decode(told, type=_Note).segments
        except msgspec.MsgspecError:
            named = [note.stem]
            found[note] = [each for each in named if each not in segments]
            continue
        if not set(named).isdisjoint(segments):
            found[note] = [each for each in named if each not in segments]
    return found


def read_note(note: Path, segments: Sequence[str], events: int, removals: int) -> Settled | None:
    """What an earlier try settled; None when the note or the segments were damaged since."""
    checksum, _, told = note.read_bytes().partition(b" ")
    if checksum != b"%08x" % zlib.crc32(told):
        logger.warning("%s is damaged: looking its events up anew", note)
        return None
    try:
        known = msgspec.json.decode(told, type=_Note)
    except msgspec.MsgspecError:
        logger.warning("%s was written by another version: looking its events up anew", note)
        return None
    if (list(known.segments), known.events, known.removals) != (list(segments), events, removals):
        logger.warning("%s speaks of other segments than there are: looking their events up anew", note)
        return None
    fresh, listens, revised = (
        np.unpackbits(np.frombuffer(bits, np.uint8), count=events).astype(bool)
        for bits in (known.fresh, known.listens, known.revised)
    )
    return Settled(fresh, listens, revised, known.removed, known.at_ms)
