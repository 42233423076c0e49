"""Makes an artist's statistics: who listened, when, where and from what, and where in a song they left."""

import asyncio
from datetime import date, datetime
from typing import Any

import polars as pl

from serving.statistics.errors import UnknownArtist
from serving.statistics.schemas import ArtistStatistics, Day, Exits, Part
from serving.statistics.warehouse import Schema, Warehouse, milliseconds

KNOWN: Schema = {"songs": pl.Int64, "artist": pl.String}
PARTS: Schema = {"part": pl.String, "name": pl.String, "listens": pl.Int64, "listeners": pl.Int64}
LISTENERS: Schema = {"new_listeners": pl.Int64, "returning_listeners": pl.Int64}
EXITS: Schema = {"tenth": pl.Int64, "outcome": pl.String, "exits": pl.Int64}
TENTHS = 10


async def read(
    warehouse: Warehouse, artist_id: int, since: date, until: date, as_of: datetime
) -> ArtistStatistics:
    """The statistics of these days, both included. Raises UnknownArtist, Unreachable, AskedTooMuch."""
    days = {"artist_id": artist_id, "since": since, "until": until}
    known, parts, people, exits = await asyncio.gather(
        warehouse.ask("artist_known", KNOWN, artist_id=artist_id),
        warehouse.ask("artist_parts", PARTS, **days, as_of_ms=milliseconds(as_of)),
        warehouse.ask("artist_listeners", LISTENERS, **days, as_of_ms=milliseconds(as_of)),
        warehouse.ask("artist_exits", EXITS, **days),
    )
    songs, name = known.row(0)
    if not songs:
        raise UnknownArtist(f"nothing is known of songs of the artist {artist_id}", artist_id=artist_id)
    return told(artist_id, name, parts, people, exits, since=since, until=until, as_of=as_of)


def told(
    artist_id: int,
    artist: str,
    parts: pl.DataFrame,
    people: pl.DataFrame,
    exits: pl.DataFrame,
    *,
    since: date,
    until: date,
    as_of: datetime,
) -> ArtistStatistics:
    """The answer, from the rows of `artist_parts`, `artist_listeners` and `artist_exits`."""
    listens, listeners = (
        parts.filter(pl.col("part") == "all").select("listens", "listeners").rows() or [(0, 0)]
    )[0]
    new, returning = people.row(0)
    by_day = _of(parts, "day").sort("name").iter_rows()
    return ArtistStatistics(
        artist_id=artist_id,
        artist=artist,
        since=since,
        until=until,
        as_of=as_of,
        listens=listens,
        listeners=listeners,
        new_listeners=new,
        returning_listeners=returning,
        by_day=tuple(Day(date.fromisoformat(day), each, who) for day, each, who in by_day),
        by_country=tuple(Part(*row) for row in _of(parts, "country").iter_rows()),
        by_source=tuple(Part(*row) for row in _of(parts, "source").iter_rows()),
        exits=_exits(exits),
    )


def _of(parts: pl.DataFrame, part: str) -> pl.DataFrame:
    theirs = parts.filter(pl.col("part") == part).drop("part")
    return theirs.sort("listens", "name", descending=[True, False])


def _exits(exits: pl.DataFrame) -> Exits:
    def ends(*outcomes: str) -> int:
        return int(exits.filter(pl.col("outcome").is_in(outcomes))["exits"].sum())

    by_tenth: dict[Any, Any] = dict(exits.group_by("tenth").agg(pl.col("exits").sum()).iter_rows())
    skipped, known = ends("skip_early", "skip_late"), ends("skip_early", "skip_late", "completed")
    return Exits(
        ends=int(exits["exits"].sum()),
        completed=ends("completed"),
        skipped_early=ends("skip_early"),
        skipped_late=ends("skip_late"),
        unknown=ends("unknown"),
        skip_rate=round(skipped / known, 4) if known else None,
        by_tenth=tuple(int(by_tenth.get(tenth, 0)) for tenth in range(TENTHS)),
    )
