"""Makes a listener's statistics of their listens and of what the catalog says of the songs."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import polars as pl

from serving.statistics.measures import diversity, streaks
from serving.statistics.periods import Period, Range
from serving.statistics.schemas import (
    Diversity,
    ListenerStatistics,
    NewToMe,
    Streaks,
    TopArtist,
    TopGenre,
    TopSong,
)
from serving.statistics.warehouse import Schema, Warehouse, milliseconds

COUNTS: Schema = {
    **dict.fromkeys(("part", "song_id"), pl.Int64),
    "day": pl.Date,
    **dict.fromkeys(("hour", "listens", "played_ms", "first_ms"), pl.Int64),
}
SONGS: Schema = {
    "song_id": pl.Int64,
    "artist_id": pl.Int64,
    "genre": pl.String,
    "title": pl.String,
    "artist": pl.String,
}
A_SONG, A_DAY, AN_HOUR = 3, 5, 6  # which part of an answer a row is of, as `listener_counts` numbers them
_MOST_FIRST = ("listens", "played_ms")


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose statistics, over which days, by which clock, and as known when."""

    listener: int
    named: Range
    period: Period
    zone: tzinfo
    tz: str
    as_of: datetime
    limit: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What somebody heard within the period: by song, artist and genre; and when.

    `new_songs` and `new_artists` are those never heard before the period.
    """

    songs: pl.DataFrame
    artists: pl.DataFrame
    genres: pl.DataFrame
    hours: pl.DataFrame  # of the day
    days: pl.DataFrame  # every day with a listen up to as_of, also those before the period, in order
    new_songs: int
    new_artists: int
    first_ms: int | None  # of the first listen ever

    @classmethod
    def of(cls, counts: pl.DataFrame, songs: pl.DataFrame, period: Period) -> "Heard":
        """From the rows of `listener_counts` and `listener_songs`. Songs the catalog has not told of have no artist.

        ClickHouse adds up the listens, in one look at them: handing over each would take this process three times as long.
        """
        since_ms = milliseconds(period.since)
        is_new = (pl.col("listens") > 0) & (pl.col("first_ms") >= since_ms)
        named = (
            _part(counts, A_SONG, "song_id")
            .join(songs, on="song_id", how="left")
            .with_columns(pl.col("artist_id").fill_null(0), pl.col("genre", "title", "artist").fill_null(""))
        )
        within = named.filter(pl.col("listens") > 0)
        artists = _added(named.filter(pl.col("artist_id") > 0), "artist_id", pl.col("artist").max())
        days = _part(counts, A_DAY, "day").sort("day")
        return cls(
            songs=within,
            artists=artists.filter(pl.col("listens") > 0),
            genres=_added(within.filter(pl.col("genre") != ""), "genre"),
            hours=_part(counts, AN_HOUR, "hour"),
            days=days,
            new_songs=named.filter(is_new).height,
            new_artists=artists.filter(is_new).height,
            first_ms=None if days.is_empty() else days["first_ms"].item(0),
        )


async def read(warehouse: Warehouse, asked: Asked) -> ListenerStatistics:
    """The statistics that were asked for. Raises Unreachable, AskedTooMuch."""
    counts, songs = await asyncio.gather(
        warehouse.ask(
            "listener_counts",
            COUNTS,
            listener_id=asked.listener,
            as_of_ms=milliseconds(asked.as_of),
            tz=asked.tz,
            first=asked.period.first,
            last=asked.period.last,
        ),
        warehouse.ask("listener_songs", SONGS, listener_id=asked.listener),
    )
    return told(asked, Heard.of(counts, songs, asked.period))


def told(asked: Asked, heard: Heard) -> ListenerStatistics:
    """The answer."""
    within = heard.days.filter(pl.col("listens") > 0)
    longest, _ = streaks(within["day"].to_list(), asked.period.last)
    _, current = streaks(heard.days["day"].to_list(), asked.as_of.astimezone(asked.zone).date())
    return ListenerStatistics(
        user_id=asked.listener,
        range=asked.named,
        tz=asked.tz,
        since=_since(asked, heard),
        until=min(asked.period.until, asked.as_of),
        as_of=asked.as_of,
        listens=int(heard.songs["listens"].sum()),
        minutes=minutes(int(heard.songs["played_ms"].sum())),
        songs=heard.songs.height,
        artists=heard.artists.height,
        top_songs=tuple(
            TopSong(song, title, artist_id, artist, n, minutes(ms))
            for song, title, artist_id, artist, n, ms in _top(
                heard.songs, asked.limit, "song_id", "title", "artist_id", "artist"
            )
        ),
        top_artists=tuple(
            TopArtist(artist_id, artist, n, minutes(ms))
            for artist_id, artist, n, ms in _top(heard.artists, asked.limit, "artist_id", "artist")
        ),
        top_genres=tuple(
            TopGenre(genre, n, minutes(ms)) for genre, n, ms in _top(heard.genres, asked.limit, "genre")
        ),
        by_hour=_counted(heard.hours, pl.col("hour"), 24),
        by_weekday=_counted(within, pl.col("day").dt.weekday().cast(pl.Int64) - 1, 7),
        streaks=Streaks(longest, current),
        diversity=Diversity(*diversity(heard.artists["listens"])),
        new_to_me=NewToMe(heard.new_songs, heard.new_artists),
    )


def minutes(played_ms: int) -> float:
    """
    >>> minutes(90_000)
    1.5
    """
    return round(played_ms / 60_000, 1)


def _part(counts: pl.DataFrame, part: int, of: str) -> pl.DataFrame:
    return counts.filter(pl.col("part") == part).select(of, "listens", "played_ms", "first_ms")


def _added(songs: pl.DataFrame, by: str, *more: pl.Expr) -> pl.DataFrame:
    return songs.group_by(by).agg(pl.col("listens", "played_ms").sum(), pl.col("first_ms").min(), *more)


def _top(rows: pl.DataFrame, limit: int, by: str, *more: str) -> Iterable[tuple[Any, ...]]:
    """The first `limit` rows by listens, of equals by time, and of those the smallest of `by`."""
    least = [False, False, True]
    most = rows.top_k(limit, by=[*_MOST_FIRST, by], reverse=least)
    most = most.sort(*_MOST_FIRST, by, descending=[not each for each in least])
    return most.select(by, *more, *_MOST_FIRST).iter_rows()


def _counted(rows: pl.DataFrame, place: pl.Expr, places: int) -> tuple[int, ...]:
    """The listens of each of so many places, also of those that have none."""
    found = dict(rows.group_by(place.alias("place")).agg(pl.col("listens").sum()).iter_rows())
    return tuple(int(found.get(each, 0)) for each in range(places))


def _since(asked: Asked, heard: Heard) -> datetime | None:
    """When the period begins; all of time begins with the first listen."""
    if asked.named != "all_time":
        return asked.period.since
    return None if heard.first_ms is None else datetime.fromtimestamp(heard.first_ms / 1000, UTC)
