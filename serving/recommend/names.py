"""What the songs of a bundle are called, by position."""

from dataclasses import dataclass

import polars as pl

from foundation.contracts.tables import Songs
from serving.recommend.schemas import Item, Reason, Seed


@dataclass(frozen=True, slots=True)
class SongNames:
    """Ids, titles, artists and genres as lists: a slate looks up two hundred, at 0.03 µs instead of a column's 0.7 µs.

    The price is about 150 bytes a song.
    """

    song_ids: list[int]
    titles: list[str]
    artist_ids: list[int]
    artists: list[str]
    genres: list[str]

    @classmethod
    def of(cls, songs: pl.DataFrame) -> "SongNames":
        """The names in a bundle's song table; equal artists and equal genres share one string."""
        return cls(
            songs[Songs.song_id].to_list(),
            songs[Songs.title].to_list(),
            songs[Songs.artist_id].to_list(),
            _shared(songs[Songs.artist].to_list()),
            _shared(songs[Songs.genre].to_list()),
        )

    def item(self, rank: int, place: int, score: float, reason: Reason) -> Item:
        """The song at `place` as an item of a slate."""
        return Item(
            rank,
            self.song_ids[place],
            self.titles[place],
            self.artist_ids[place],
            self.artists[place],
            self.genres[place],
            score,
            reason,
        )

    def seed(self, place: int) -> Seed:
        """The song at `place` as a reason for another."""
        return Seed(self.song_ids[place], self.titles[place], self.artists[place])


def _shared(texts: list[str]) -> list[str]:
    """The same texts, with one object for all that are equal."""
    kept: dict[str, str] = {}
    return [kept.setdefault(text, text) for text in texts]
