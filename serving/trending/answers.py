"""Charts as they are told: encoded once for all who ask before the next look."""

from typing import Any

import msgspec

from serving.trending.boards import EMPTY, Ranked
from serving.trending.charts import Charts, Unit
from serving.trending.names import NAMELESS
from serving.trending.rising import rise
from serving.trending.schemas import ArtistChartOut, Asked, ChartOut, RankedArtist, RankedSong

MOST_KEPT = 10_000  # answers, of a few kB each

_encoder = msgspec.json.Encoder()


def encoded(charts: Charts, asked: Asked, limit: int) -> bytes:
    """The first `limit` of a chart as JSON."""
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
    items = () if first is None else tuple(_items(charts, asked, unit, first))
    shape = ArtistChartOut if asked.of == "artists" else ChartOut
    return shape(
        window=asked.window,
        kind=asked.kind,
        view=asked.view,
        genre=asked.genre,
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
    cleaned = charts.units[asked.window, "most_played", "cleaned"]
    if (
        cleaned.until is None
        or (board := cleaned.boards[asked.of].by_key.get((asked.genre, asked.region), EMPTY)) is None
    ):
        return None
    every = board.listens + board.left_out
    return round(board.left_out / every, 6) if every else 0.0


def _items(charts: Charts, asked: Asked, unit: Unit, first: Ranked) -> Any:
    for place, who in enumerate(first.ids.tolist()):
        counted: dict[str, Any] = {"rank": place + 1, "listens": int(first.heard[place])}
        if asked.view == "cleaned":
            counted["removed"] = int(first.removed[place])
        if asked.kind == "rising" and unit.growth is not None:
            heard, before = counted["listens"], int(first.before[place])
            counted["expected"] = round(max(before, 0) * unit.growth, 2)
            counted["rise"] = round(rise(heard, before, unit.growth), 3)
        if asked.of == "artists":
            yield RankedArtist(artist_id=who, artist=charts.names.artists.get(who, ""), **counted)
        else:
            named = charts.names.songs.get(who, NAMELESS)
            yield RankedSong(
                song_id=who,
                title=named.title,
                artist_id=named.artist_id,
                artist=named.artist,
                genre=named.genre,
                **counted,
            )
