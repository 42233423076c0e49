"""What was listened to since a chart was counted, told by minute and kept until every chart has been counted anew."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from serving.trending.schemas import Of
from serving.trending.windows import Span

Ints = npt.NDArray[np.int64]
NOBODY: Ints = np.empty(0, np.int64)

TOLD = pa.schema(
    [
        ("song_id", pa.int64()),
        ("playlist_id", pa.int64()),
        ("country", pa.string()),
        ("minute", pa.int64()),
        ("listens", pa.int64()),
        ("repeats", pa.int64()),
    ]
)
"""What is new as the warehouse tells it: of a song, from a playlist (0: none), where and in which minute (epoch seconds)."""

NOWHERE = -1  # the code of a genre or region that nothing was told of


class Codes:
    """Small numbers for words."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def all_of(self, words: Iterable[str]) -> Ints:
        """The numbers of these words, new ones where need be."""
        return np.array([self._of.setdefault(word, len(self._of)) for word in words], np.int64)

    def of(self, word: str) -> int:
        """The number of a word; NOWHERE for one that was never told."""
        return self._of.get(word, NOWHERE)


@dataclass(frozen=True, slots=True)
class Moved:
    """Listens and repeats more (or less) by what was heard, where and in which minute (epoch seconds): columns of one length.

    A listen that is a repeat stands in two rows: one adds a listen, one a repeat. Album and playlist are 0 where there is none.
    """

    songs: Ints
    artists: Ints
    albums: Ints
    playlists: Ints
    genres: Ints
    regions: Ints
    minutes: Ints
    listens: Ints
    repeats: Ints

    def __len__(self) -> int:
        return len(self.songs)

    def where(self, wanted: npt.NDArray[np.bool_]) -> "Moved":
        """Some of the rows."""
        return Moved(*(column[wanted] for column in self.columns))

    def of(self, what: Of) -> Ints:
        """The ids of the songs, artists, albums or playlists."""
        ids: Ints = getattr(self, what)
        return ids

    @property
    def columns(self) -> tuple[Ints, ...]:
        """All of them, in order."""
        return tuple(getattr(self, name) for name in COLUMNS)


COLUMNS = tuple(each.name for each in fields(Moved))
NOTHING = Moved(*(NOBODY for _ in COLUMNS))


@dataclass(slots=True)
class Moves:
    """The log of them. A place in it is a number that grows; what is before the place of the oldest chart may go.

    It knows up to which block of the warehouse (position) each look came, so that a count by another process finds its place.
    """

    genres: Codes = field(default_factory=Codes)
    regions: Codes = field(default_factory=Codes)
    end: int = 0
    _begin: int = 0
    _told: Moved = NOTHING
    _positions: "array[int]" = field(default_factory=lambda: array("q"))  # ascending
    _places: "array[int]" = field(default_factory=lambda: array("q"))  # after each of these

    def add(self, moved: Moved, position: int) -> None:
        """Append what one look brought, up to a block."""
        self._told = Moved(
            *(np.concatenate(both) for both in zip(self._told.columns, moved.columns, strict=True))
        )
        self.end += len(moved)
        self._mark(position)

    def begin_at(self, position: int) -> None:
        """Go on from a block, without what came between: no earlier block has a place any more."""
        self._positions, self._places = array("q"), array("q")
        self._mark(position)

    def place_of(self, position: int) -> int | None:
        """The place after which are the moves of later blocks; None where no look came to this block, or it is forgotten."""
        nth = bisect_left(self._positions, position)
        is_known = nth < len(self._positions) and self._positions[nth] == position
        return self._places[nth] if is_known else None

    def _mark(self, position: int) -> None:
        self._positions.append(position)
        self._places.append(self.end)

    def after(self, place: int) -> Moved:
        """What was told after a place."""
        return Moved(*(column[place - self._begin :] for column in self._told.columns))

    def forget(self, place: int) -> None:
        """Let go of what is before a place."""
        self._told, self._begin = Moved(*(column.copy() for column in self.after(place).columns)), place
        nth = bisect_left(self._places, place)
        self._positions, self._places = self._positions[nth:], self._places[nth:]

    def __len__(self) -> int:
        return len(self._told)

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return sum(column.nbytes for column in self._told.columns)


@dataclass(frozen=True, slots=True)
class Sums:
    """What moves one list: ids, ascending, and what each has more or less, as a `Board` counts it."""

    ids: Ints
    heard: Ints
    before: Ints
    removed: Ints


NO_SUMS = Sums(NOBODY, NOBODY, NOBODY, NOBODY)


@dataclass(frozen=True, slots=True)
class Times:
    """Which minutes count: of the window, and of the time that it is compared with."""

    since: float
    close: float
    before_from: float
    before_to: float

    @classmethod
    def of(cls, counted: Span, now: Span, *, compares: bool) -> "Times":
        """The window as it was counted, up to the end of the day that it is now, which may have begun since."""
        before_from = counted.before_from if compares else counted.before_to
        moments = (counted.since, now.close, before_from, counted.before_to)
        return cls(*(moment.timestamp() for moment in moments))


def sums_of(
    moved: Moved, of: Of, codes: tuple[int | None, int | None], times: Times, *, cleaned: bool
) -> Sums:
    """What moves the list of one genre and region (their codes; None for all), without repeats where it is cleaned."""
    if not len(moved):
        return NO_SUMS
    genre, region = codes
    ids, minutes = moved.of(of), moved.minutes
    is_now = (minutes >= times.since) & (minutes < times.close)
    is_before = (minutes >= times.before_from) & (minutes < times.before_to)
    wanted = (ids != 0) & (is_now | is_before)
    if genre is not None:
        wanted &= moved.genres == genre
    if region is not None:
        wanted &= moved.regions == region
    repeats = moved.repeats[wanted] if cleaned else np.zeros(int(wanted.sum()), np.int64)
    net, is_now = moved.listens[wanted] - repeats, is_now[wanted]
    who, places = np.unique(ids[wanted], return_inverse=True)

    def summed(what: Ints) -> Ints:
        return np.bincount(places, what, len(who)).astype(np.int64)

    return Sums(who, summed(net * is_now), summed(net * ~is_now), summed(repeats * is_now))
