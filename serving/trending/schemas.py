"""What is trending, as it is kept in memory and as it is told."""

from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from serving.trending.windows import Window

Kind: TypeAlias = Literal["most_played", "rising"]
View: TypeAlias = Literal["raw", "cleaned"]
Of: TypeAlias = Literal["songs", "artists"]
KINDS: tuple[Kind, ...] = get_args(Kind)
VIEWS: tuple[View, ...] = get_args(View)
OF: tuple[Of, ...] = get_args(Of)


class TrendingSong(msgspec.Struct, frozen=True, gc=False):
    """A song and how often it was listened to within the window."""

    song_id: int
    title: str
    artist_id: int
    artist: str
    genre: str
    listens: int


class Chart(msgspec.Struct, frozen=True):
    """What a feed falls back on: the songs most listened to, most first, as of one moment."""

    songs: tuple[TrendingSong, ...] = ()
    refreshed_at: datetime | None = None  # None: never yet


class Asked(msgspec.Struct, frozen=True, gc=False):
    """One chart: of what, over which window, by which order, with or without repeats, of one genre and region or all."""

    of: Of = "songs"
    window: Window = "week"
    kind: Kind = "most_played"
    view: View = "raw"
    genre: str | None = None  # in lower case
    region: str | None = None  # in upper case


class RankedSong(msgspec.Struct, frozen=True, kw_only=True):
    """A song of a chart; `expected` and `rise` are told where it is rising, `removed` where repeats are left out."""

    rank: int
    song_id: int
    title: str
    artist_id: int
    artist: str
    genre: str  # "" where none is known
    listens: int
    removed: int | None = None
    expected: float | None = None
    rise: float | None = None


class RankedArtist(msgspec.Struct, frozen=True, kw_only=True):
    """An artist of a chart."""

    rank: int
    artist_id: int
    artist: str
    listens: int
    removed: int | None = None
    expected: float | None = None
    rise: float | None = None


class ChartOut(msgspec.Struct, frozen=True, kw_only=True):
    """A chart that is told: what counts is what was listened to since `since` and what the warehouse knew at `until`.

    `listens` are those of the whole genre and region, `removed_share` what share of them are repeats.
    """

    window: Window
    kind: Kind
    view: View
    genre: str | None
    region: str | None
    since: datetime | None  # None: it has not been counted yet
    until: datetime | None
    stale: bool
    listens: int
    removed_share: float | None  # None: not counted yet
    items: tuple[RankedSong, ...]


class ArtistChartOut(ChartOut, frozen=True, kw_only=True):
    """The same of artists."""

    items: tuple[RankedArtist, ...]  # type: ignore[assignment]


_HEAD: dict[str, Any] = {
    "window": "week",
    "kind": "most_played",
    "view": "cleaned",
    "genre": "rock",
    "region": "GB",
    "since": "2026-02-22T12:00:00Z",
    "until": "2026-03-01T12:00:00.25Z",
    "stale": False,
    "listens": 812_500,
    "removed_share": 0.0312,
}
_COUNTS: dict[str, Any] = {"listens": 5120, "removed": 17, "expected": None, "rise": None}
_SONG = {"song_id": 98765, "title": "Bohemian Rhapsody", "artist_id": 111, "artist": "Queen", "genre": "rock"}
EXAMPLE = _HEAD | {"items": [{"rank": 1} | _SONG | _COUNTS]}
ARTIST_EXAMPLE = _HEAD | {"items": [{"rank": 1, "artist_id": 111, "artist": "Queen"} | _COUNTS]}
