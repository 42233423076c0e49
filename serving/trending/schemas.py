"""What is trending, as it is kept in memory and as it is told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from serving.trending.windows import Window

Kind: TypeAlias = Literal["most_played", "rising"]
View: TypeAlias = Literal["raw", "cleaned"]
Of: TypeAlias = Literal["songs", "artists", "albums", "playlists", "searches"]
Source: TypeAlias = Literal["listens", "playlists", "searches"]
KINDS: tuple[Kind, ...] = get_args(Kind)
VIEWS: tuple[View, ...] = get_args(View)
OF: tuple[Of, ...] = get_args(Of)
SOURCES: Mapping[Source, tuple[Of, ...]] = {
    "listens": ("songs", "artists", "albums"),
    "playlists": ("playlists",),  # those listens alone that came from a playlist
    "searches": ("searches",),
}
"""What is counted from the same rows, together."""
SOURCE_OF: Mapping[Of, Source] = {of: source for source, all_of in SOURCES.items() for of in all_of}


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


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A place of a chart; `expected` and `rise` are told where it is rising, `removed` where repeats are left out."""

    rank: int
    listens: int
    removed: int | None = None
    expected: float | None = None
    rise: float | None = None


class RankedSong(Counted, frozen=True, kw_only=True):
    """A song of a chart."""

    song_id: int
    title: str
    artist_id: int
    artist: str
    genre: str  # "" where none is known


class RankedArtist(Counted, frozen=True, kw_only=True):
    """An artist of a chart."""

    artist_id: int
    artist: str


class RankedAlbum(Counted, frozen=True, kw_only=True):
    """An album of a chart, by the listens of its songs."""

    album_id: int
    album: str
    artist_id: int
    artist: str


class RankedPlaylist(Counted, frozen=True, kw_only=True):
    """A playlist of a chart that everyone may see, by the listens that were begun from it."""

    playlist_id: int
    name: str
    owner_id: int
    owner: str


class RankedSearch(Counted, frozen=True, kw_only=True):
    """What was searched for, in lower case; `listens` is how often."""

    query: str


class ChartOut(msgspec.Struct, frozen=True, kw_only=True):
    """A chart that is told: what counts is what was listened to since `since` and what the warehouse knew at `until`.

    `listens` are those of the whole genre and region, `removed_share` what share of them are repeats. Of searches the same is
    told of searches.
    """

    window: Window
    kind: Kind
    view: View
    region: str | None
    since: datetime | None  # None: it has not been counted yet
    until: datetime | None
    stale: bool
    listens: int
    removed_share: float | None  # None: not counted yet
    items: tuple[Counted, ...]


class GenreChart(ChartOut, frozen=True, kw_only=True):
    """A chart of what has genres."""

    genre: str | None


class SongChart(GenreChart, frozen=True, kw_only=True):
    """Of songs."""

    items: tuple[RankedSong, ...]


class ArtistChart(GenreChart, frozen=True, kw_only=True):
    """Of artists."""

    items: tuple[RankedArtist, ...]


class AlbumChart(GenreChart, frozen=True, kw_only=True):
    """Of albums."""

    items: tuple[RankedAlbum, ...]


class PlaylistChart(GenreChart, frozen=True, kw_only=True):
    """Of playlists."""

    items: tuple[RankedPlaylist, ...]


class SearchChart(ChartOut, frozen=True, kw_only=True):
    """Of searches."""

    items: tuple[RankedSearch, ...]


SHAPES: Mapping[Of, type[ChartOut]] = {
    "songs": SongChart,
    "artists": ArtistChart,
    "albums": AlbumChart,
    "playlists": PlaylistChart,
    "searches": SearchChart,
}
_ARTIST = {"artist_id": 111, "artist": "Queen"}
_NAMES: Mapping[Of, Mapping[str, Any]] = {
    "songs": {"song_id": 98765, "title": "Bohemian Rhapsody", **_ARTIST, "genre": "rock"},
    "artists": _ARTIST,
    "albums": {"album_id": 222, "album": "A Night at the Opera", **_ARTIST},
    "playlists": {"playlist_id": 7, "name": "Long drive", "owner_id": 12, "owner": "Ann"},
    "searches": {"query": "bohemian rhapsody"},
}


def example(of: Of) -> Mapping[str, Any]:
    """An answer, for the documentation."""
    counts = {"rank": 1, "listens": 5120, "removed": 17, "expected": None, "rise": None}
    genre = {} if of == "searches" else {"genre": "rock"}
    return {
        **genre,
        "window": "week",
        "kind": "most_played",
        "view": "cleaned",
        "region": "GB",
        "since": "2026-02-22T12:00:00Z",
        "until": "2026-03-01T12:00:00.25Z",
        "stale": False,
        "listens": 812_500,
        "removed_share": 0.0312,
        "items": [{**counts, **_NAMES[of]}],
    }
