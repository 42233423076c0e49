"""What was listened to since a chart was counted, told by minute and kept until every chart has been counted anew."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from serving.trending.schemas import Of
from serving.trending.windows import Span

Ints = npt.NDArray[np.int64]
NOBODY: Ints = np.empty(0, np.int64)

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
    """The log of them. A place in it is a number that grows; what is before the place of the oldest chart may go."""

    genres: Codes = field(default_factory=Codes)
    regions: Codes = field(default_factory=Codes)
    end: int = 0
    _begin: int = 0
    _told: Moved = NOTHING

    def add(self, moved: Moved) -> None:
        """Append what one look brought."""
        self._told = Moved(
            *(np.concatenate(both) for both in zip(self._told.columns, moved.columns, strict=True))
        )
        self.end += len(moved)

    def after(self, place: int) -> Moved:
        """What was told after a place."""
        return Moved(*(column[place - self._begin :] for column in self._told.columns))

    def forget(self, place: int) -> None:
        """Let go of what is before a place."""
        self._told, self._begin = Moved(*(column.copy() for column in self.after(place).columns)), place

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
