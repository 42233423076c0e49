"""What was listened to since a chart was counted, told by second and kept until every chart has been counted anew."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

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
    """Listens more (or less) by song, artist, genre, region and minute (epoch seconds): columns of one length."""

    songs: Ints
    artists: Ints
    genres: Ints
    regions: Ints
    minutes: Ints
    listens: Ints

    def __len__(self) -> int:
        return len(self.songs)

    def where(self, wanted: npt.NDArray[np.bool_]) -> "Moved":
        """Some of the rows."""
        return Moved(*(column[wanted] for column in self.columns))

    @property
    def columns(self) -> tuple[Ints, ...]:
        """All of them, in order."""
        return self.songs, self.artists, self.genres, self.regions, self.minutes, self.listens


NOTHING = Moved(*(np.empty(0, np.int64) for _ in range(6)))


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
