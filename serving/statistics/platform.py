"""Makes what analysts ask for: activity, retention, and what recommendations came to."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any, Literal

import polars as pl

from serving.statistics.schemas import (
    ActiveDay,
    Activity,
    Cohort,
    Funnel,
    RecommendationStatistics,
    Retention,
)
from serving.statistics.warehouse import Schema, Warehouse

Subject = Literal["activity", "retention", "recommendations"]
NOW = 0  # of as_of_ms: what the rollups say now
ACTIVITY: Schema = {"day": pl.Date, **dict.fromkeys(("listens", "dau", "wau", "mau"), pl.Int64)}
RETENTION: Schema = {"cohort": pl.Date, "week": pl.Int64, "listeners": pl.Int64}
_SERVED: Schema = {"surface": pl.String, "policy": pl.String}
FUNNEL: Schema = {**_SERVED, **dict.fromkeys(("slates", "impressions", "plays", "listens"), pl.Int64)}
COVERAGE: Schema = {
    **_SERVED,
    **dict.fromkeys(("catalogue_songs", "songs", "impressions", "tail_impressions"), pl.Int64),
}


async def activity(warehouse: Warehouse, since: date, until: date) -> Activity:
    """Each day with the listeners of it, of its week and of its month."""
    rows = await warehouse.ask("activity", ACTIVITY, since=since, until=until, as_of_ms=NOW)
    return Activity(tuple(ActiveDay(*row) for row in rows.iter_rows()))


async def retention(warehouse: Warehouse, since: date, until: date) -> Retention:
    """The weekly cohorts whose first week is among these days or holds the first of them."""
    rows = await warehouse.ask("retention", RETENTION, since=since, until=until, as_of_ms=NOW)
    return Retention(cohorts(rows, until))


def cohorts(rows: pl.DataFrame, until: date) -> tuple[Cohort, ...]:
    """Each cohort with a number for every week up to `until`, also where nobody listened."""
    active: dict[date, dict[int, int]] = {}
    for week, since, listeners in rows.iter_rows():
        active.setdefault(week, {})[since] = listeners
    return tuple(
        Cohort(week, of[0], tuple(of.get(each, 0) for each in range((until - week).days // 7 + 1)))
        for week, of in active.items()
    )


async def recommendations(warehouse: Warehouse, since: date, until: date) -> RecommendationStatistics:
    """The funnel of each surface and policy, and how much of the catalogue they showed."""
    days = {"since": since, "until": until, "as_of_ms": NOW}
    funnel, coverage = await asyncio.gather(
        warehouse.ask("funnel", FUNNEL, **days), warehouse.ask("coverage", COVERAGE, **days)
    )
    covered = {row[:2]: row[2:] for row in coverage.iter_rows()}
    catalogue, songs, impressions, tail = covered.get(("", ""), (0, 0, 0, 0))
    return RecommendationStatistics(
        since=since,
        until=until,
        catalogue_songs=catalogue,
        songs=songs,
        coverage=share(songs, catalogue),
        tail_share=share(tail, impressions),
        funnels=tuple(_funnel(row, covered[row[:2]]) for row in funnel.iter_rows()),
    )


READ: Mapping[Subject, Callable[[Warehouse, date, date], Awaitable[object]]] = {
    "activity": activity,
    "retention": retention,
    "recommendations": recommendations,
}


def share(part: int, whole: int) -> float:
    """
    >>> share(1, 3), share(0, 0)
    (0.3333, 0.0)
    """
    return round(part / whole, 4) if whole else 0.0


def _funnel(row: tuple[Any, ...], covered: tuple[int, ...]) -> Funnel:
    surface, policy, slates, impressions, plays, listens = row
    catalogue, songs, _, tail = covered
    return Funnel(
        surface=surface,
        policy=policy,
        slates=slates,
        impressions=impressions,
        plays=plays,
        listens=listens,
        songs=songs,
        coverage=share(songs, catalogue),
        tail_share=share(tail, impressions),
    )
