"""What is trending, as it is kept in memory and as it is told."""

from datetime import datetime

import msgspec


class TrendingSong(msgspec.Struct, frozen=True, gc=False):
    """A song and how often it was listened to within the window."""

    song_id: int
    title: str
    artist_id: int
    artist: str
    genre: str
    listens: int


class Chart(msgspec.Struct, frozen=True):
    """The songs most listened to, most first, as of one moment."""

    songs: tuple[TrendingSong, ...] = ()
    refreshed_at: datetime | None = None  # None: never yet


class RankedSong(msgspec.Struct, frozen=True):
    """A song of the chart that is told."""

    rank: int
    song_id: int
    title: str
    artist_id: int
    artist: str
    genre: str  # "" where none is known
    listens: int


EXAMPLE = {
    "days": 7,
    "refreshed_at": "2026-03-01T12:00:00Z",
    "stale": False,
    "items": [
        {
            "rank": 1,
            "song_id": 98765,
            "title": "Bohemian Rhapsody",
            "artist_id": 111,
            "artist": "Queen",
            "genre": "rock",
            "listens": 5120,
        }
    ],
}


class ChartOut(msgspec.Struct, frozen=True, kw_only=True):
    """The chart that is told; `days` is how many days it covers: the last that have listens."""

    days: int
    refreshed_at: datetime | None
    stale: bool
    items: tuple[RankedSong, ...]
