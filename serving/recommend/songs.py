"""What a bundle says of its songs beside their names, by position, put so that a request finds it in microseconds."""

from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foundation.contracts.tables import Songs
from models.arrays import Positions
from models.bundle import Bundle

LONG_AGO = -(10**6)  # days since 1970 of a song whose release nobody knows
EPOCH = date(1970, 1, 1)
NOTHING: Positions = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Groups:
    """The songs of each artist, or of each genre: the most popular first."""

    values: NDArray[np.int64]  # ascending
    starts: NDArray[np.int64]  # of each value's songs in `order`, and the end of the last
    order: Positions

    @classmethod
    def of(cls, codes: NDArray[np.int64], by_popularity: Positions) -> Self:
        """The groups of equal codes [songs].

        >>> Groups.of(np.array([5, 2, 5]), np.array([2, 0, 1])).of_value(5).tolist()
        [2, 0]
        """
        order = by_popularity[np.argsort(codes[by_popularity], kind="stable")]
        values, starts = np.unique(codes[order], return_index=True)
        return cls(values, np.append(starts, len(order)), order)

    def of_value(self, value: int) -> Positions:
        """The songs of one artist or genre; none where nobody knows it."""
        at = int(np.searchsorted(self.values, value))
        if at == len(self.values) or self.values[at] != value:
            return NOTHING
        return self.order[self.starts[at] : self.starts[at + 1]]

    def of_values(self, values: NDArray[np.int64]) -> Positions:
        """The songs of several."""
        found = [self.of_value(value) for value in values.tolist()]
        return np.concatenate(found) if found else NOTHING


@dataclass(frozen=True, slots=True)
class SongFacts:
    """Columns by position, and the ways in: by artist, by genre, by popularity."""

    artists: NDArray[np.int64]
    albums: NDArray[np.int64]  # a number for each artist's album, -1 for none
    genres: NDArray[np.int64]  # positions in `genre_names`
    genre_names: tuple[str, ...]  # in lower case; "" where none is known
    genre_codes: dict[str, int]
    released: NDArray[np.int64]  # days since 1970
    popular: NDArray[np.float32]  # ln(1 + listens), divided by the highest
    by_popularity: Positions  # most popular first, then by id
    by_artist: Groups
    by_genre: Groups

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """The facts in a bundle's song table; a column that it lacks says nothing of any song."""
        songs = bundle.songs
        artists = songs[Songs.artist_id].cast(pl.Int64).to_numpy()
        genres, names = _coded(_text(songs, Songs.genre).str.to_lowercase())
        albums, _ = _coded(songs[Songs.artist_id].cast(pl.String) + "\x1f" + _text(songs, Songs.album))
        albums = np.where((_text(songs, Songs.album) == "").to_numpy(), -1, albums)
        popular: NDArray[np.float32] = np.log1p(bundle.popularity.astype(np.float32))
        by_popularity = np.argsort(-bundle.popularity, kind="stable")
        return cls(
            artists,
            albums,
            genres,
            names,
            {name: code for code, name in enumerate(names)},
            _days(songs),
            popular / np.float32(max(float(popular.max(initial=0)), 1e-9)),
            by_popularity,
            Groups.of(artists, by_popularity),
            Groups.of(genres, by_popularity),
        )

    def of_genre(self, genre: str) -> Positions:
        """The songs of a genre, the most popular first; none where no song has it."""
        code = self.genre_codes.get(genre.lower())
        return NOTHING if code is None else self.by_genre.of_value(code)

    def age(self, places: Positions, today: date) -> NDArray[np.int64]:
        """Days since the songs at these places were released; negative before."""
        return (today - EPOCH).days - self.released[places]


def _text(songs: pl.DataFrame, name: str) -> pl.Series:
    if name not in songs.columns:
        return pl.Series(name, [""] * songs.height, pl.String)
    return songs[name].fill_null("")


def _coded(texts: pl.Series) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    names, codes = np.unique(np.array(texts.to_list(), dtype=object), return_inverse=True)
    return codes.astype(np.int64), tuple(names.tolist())


def _days(songs: pl.DataFrame) -> NDArray[np.int64]:
    if Songs.released_on not in songs.columns:
        return np.full(songs.height, LONG_AGO, np.int64)
    days = songs[Songs.released_on].cast(pl.Int32).cast(pl.Int64)
    return days.fill_null(LONG_AGO).to_numpy()
