"""Charts as they are told: encoded once for all who ask before the next look."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from serving.trending.boards import LENGTH, Ranked
from serving.trending.charts import Charts
from serving.trending.names import NAMELESS, UNTITLED
from serving.trending.playlists import PublicPlaylist, PublicPlaylists
from serving.trending.rising import rise
from serving.trending.schemas import (
    SHAPES,
    Asked,
    ChartOut,
    Counted,
    Of,
    RankedAlbum,
    RankedArtist,
    RankedPlaylist,
    RankedSearch,
    RankedSong,
)
from serving.trending.units import Unit

MOST_KEPT = 10_000  # answers, of a few kB each

_encoder = msgspec.json.Encoder()


async def answer(charts: Charts, asked: Asked, limit: int, public: PublicPlaylists) -> bytes:
    """The first `limit` of a chart as JSON. Raises Unreachable where playlists are asked for and nobody knows which are public."""
    if asked.of == "playlists":
        return _encoder.encode(await playlists_told(charts, asked, limit, public))
    return encoded(charts, asked, limit)


def encoded(charts: Charts, asked: Asked, limit: int) -> bytes:
    """A chart of what everyone may see, kept until the next look."""
    found = charts.answers.get((asked, limit))
    if found is None:
        found = _encoder.encode(told(charts, asked, limit))
        if len(charts.answers) >= MOST_KEPT:
            charts.answers.clear()
        charts.answers[asked, limit] = found
    return found


def told(charts: Charts, asked: Asked, limit: int) -> ChartOut:
    """The same before it is encoded."""
    unit, first = charts.list_of(asked, limit)
    return _told(charts, asked, unit, first, lambda who: _named(charts, asked.of, unit, who))


async def playlists_told(charts: Charts, asked: Asked, limit: int, public: PublicPlaylists) -> ChartOut:
    """A chart of playlists: those that everyone may see at this moment, as they are called now. Raises Unreachable."""
    unit, first = charts.list_of(asked, LENGTH)
    names: Mapping[int, PublicPlaylist] = {}
    if first is not None and len(first.ids):
        names = await public.public_among(first.ids.tolist())
        first = first.where(np.isin(first.ids, list(names))).cut(limit)

    def named(playlist_id: int) -> Mapping[str, Any]:
        playlist = names[playlist_id]
        return {
            "playlist_id": playlist_id,
            "name": playlist.name,
            "owner_id": playlist.owner_id,
            "owner": playlist.owner,
        }

    return _told(charts, asked, unit, first, named)


def _told(
    charts: Charts,
    asked: Asked,
    unit: Unit,
    first: Ranked | None,
    named: Callable[[int], Mapping[str, Any]],
) -> ChartOut:
    growth = charts.growth(asked)
    items = () if first is None else tuple(_items(asked, first, growth, named))
    genre = {} if asked.of == "searches" else {"genre": asked.genre}
    return SHAPES[asked.of](
        **genre,
        window=asked.window,
        kind=asked.kind,
        view=asked.view,
        region=asked.region,
        since=None if unit.span is None else unit.span.since,
        until=unit.until,
        stale=charts.is_stale(unit) or first is None,
        listens=0 if first is None else first.listens,
        removed_share=removed_share(charts, asked),
        items=items,
    )


def removed_share(charts: Charts, asked: Asked) -> float | None:
    """What share of the listens of a genre and region are repeats; None before they were counted."""
    totals = charts.totals(msgspec.structs.replace(asked, kind="most_played", view="cleaned"))
    if totals is None:
        return None
    listens, left_out = totals
    return round(left_out / (listens + left_out), 6) if listens + left_out else 0.0


RANKED: Mapping[Of, type[Counted]] = {
    "songs": RankedSong,
    "artists": RankedArtist,
    "albums": RankedAlbum,
    "playlists": RankedPlaylist,
    "searches": RankedSearch,
}


def _items(
    asked: Asked, first: Ranked, growth: float | None, named: Callable[[int], Mapping[str, Any]]
) -> Iterator[Counted]:
    shape = RANKED[asked.of]
    for place, who in enumerate(first.ids.tolist()):
        heard, before = int(first.heard[place]), int(first.before[place])
        yield shape(
            rank=place + 1,
            listens=heard,
            removed=int(first.removed[place]) if asked.view == "cleaned" else None,
            expected=None if growth is None else round(max(before, 0) * growth, 2),
            rise=None if growth is None else round(rise(heard, before, growth), 3),
            **named(who),
        )


def _named(charts: Charts, of: Of, unit: Unit, who: int) -> Mapping[str, Any]:
    """What it is called, as the fields of its shape."""
    names = charts.names
    if of == "searches":
        return {"query": unit.boards[of].texts[who]}
    if of == "artists":
        return {"artist_id": who, "artist": names.artists.get(who, "")}
    if of == "albums":
        album = names.albums.get(who, UNTITLED)
        return {"album_id": who, "album": album.title, "artist_id": album.artist_id, "artist": album.artist}
    song = names.songs.get(who, NAMELESS)
    return {
        "song_id": who,
        "title": song.title,
        "artist_id": song.artist_id,
        "artist": song.artist,
        "genre": song.genre,
    }
