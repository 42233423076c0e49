"""Keeps what is trending in memory: the charts, and the one that feeds fall back on, asked of the warehouse every minute."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from foundation.clock import Clock
from foundation.engines.opening import Opening
from foundation.settings import Trending as Settings
from serving.trending.charts import Charts
from serving.trending.counting import AsyncRaw
from serving.trending.schemas import Chart, TrendingSong
from serving.trending.sharing import Sharing
from warehouse.migrate import query

log = logging.getLogger(__name__)

CHART_SQL = query("trending")
SONGS_SQL = (Path(__file__).parent / "songs.sql").read_text()
DAYS = 7
LENGTH = 1000  # so that one who has heard the first hundreds still finds something
EVERY = timedelta(minutes=1)
STALE = timedelta(minutes=5)
USUAL = Settings()


class AsyncQueries(AsyncRaw, Protocol):
    """What all of it needs of an asynchronous ClickHouse client."""

    async def query(self, query: str | None = None, parameters: dict[str, Any] | None = None) -> Any:
        """The result, with `result_rows`."""


class Queries(Protocol):
    """The same of a synchronous one."""

    def query(self, query: str | None = None, parameters: dict[str, Any] | None = None) -> Any:
        """The result, with `result_rows`."""


class Trending:
    """The charts of this process, and `chart`: what was listened to on the last seven days that have listens, however long
    ago they were, so that a feed has something to fall back on. When the warehouse is away, the last ones stay.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[AsyncQueries]],
        now: Clock,
        settings: Settings = USUAL,
        sharing: Sharing | None = None,
    ) -> None:
        self._opening, self._now = Opening(connect), now
        self.chart = Chart()
        self.charts = Charts(connect, now, listeners=settings.search_listeners, sharing=sharing or Sharing())

    @property
    def is_stale(self) -> bool:
        """Whether the chart is older than it may be, or was never made."""
        return is_stale(self.chart, self._now())

    async def refresh(self) -> bool:
        """Ask the warehouse once; returns whether it answered."""
        try:
            client, at = await self._opening.client(), self._now()
            listens = (await client.query(CHART_SQL, parameters=chart_parameters(at))).result_rows
            names = (await client.query(SONGS_SQL, parameters=songs_parameters(listens))).result_rows
        except Exception as error:  # noqa: BLE001 - whatever fails, the last chart stays and the next minute tries again
            log.warning("trending is not refreshed: %s", error)
            return False
        self.chart = chart_of(listens, names, at)
        return True

    async def follow(self) -> None:
        """Refresh every minute until cancelled; after a failure sooner. The charts follow by their own times."""
        await asyncio.gather(self._follow(), self.charts.follow())

    async def _follow(self) -> None:
        while True:
            answered = await self.refresh()
            await asyncio.sleep((EVERY if answered else EVERY / 12).total_seconds())

    async def close(self) -> None:
        """Let go of the warehouse."""
        await self.charts.close()
        await self._opening.close()


def read_chart(client: Queries, at: datetime) -> Chart:
    """The chart now, for the command line, by the same queries."""
    listens = client.query(CHART_SQL, parameters=chart_parameters(at)).result_rows
    names = client.query(SONGS_SQL, parameters=songs_parameters(listens)).result_rows
    return chart_of(listens, names, at)


def is_stale(chart: Chart, at: datetime) -> bool:
    """Whether a chart is too old to be called what is trending.

    >>> from datetime import UTC
    >>> is_stale(Chart(), datetime(2026, 1, 1, tzinfo=UTC))
    True
    """
    return chart.refreshed_at is None or at - chart.refreshed_at > STALE


def chart_parameters(at: datetime) -> dict[str, Any]:
    """The parameters of the query `trending`."""
    return {"today": at.date(), "days": DAYS, "limit": LENGTH}


def songs_parameters(listens: Sequence[Sequence[int]]) -> dict[str, Any]:
    """The parameters of the query for names."""
    return {"song_ids": [song_id for song_id, _ in listens]}


def chart_of(listens: Iterable[Sequence[int]], names: Iterable[Sequence[Any]], at: datetime) -> Chart:
    """The chart of what the two queries answered; songs that have no name yet are left out.

    >>> chart_of([(1, 9), (2, 5)], [(1, "Air", 3, "Air", "pop")], datetime(2026, 1, 1)).songs
    (TrendingSong(song_id=1, title='Air', artist_id=3, artist='Air', genre='pop', listens=9),)
    """
    named = {song_id: (title, artist_id, artist, genre) for song_id, title, artist_id, artist, genre in names}
    songs = tuple(
        TrendingSong(song_id, *named[song_id], plays) for song_id, plays in listens if song_id in named
    )
    return Chart(songs, at)
