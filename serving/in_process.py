"""Recommends without a server, from the published bundle: one listener's slate, or a table for everyone."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl

from feature_store.online import Lately, lately_of
from foundation.clock import Clock, utc_now
from foundation.engines.blobs import open_blobs
from foundation.engines.clickhouse import open_clickhouse_reader, open_clickhouse_reader_async
from foundation.engines.redis import Redis, open_redis, open_redis_async
from foundation.engines.vectors import open_vectors
from foundation.errors import Unreachable
from foundation.ids import UserId
from foundation.settings import Engines, Settings
from serving.bundle import COLLECTION
from serving.lifespan import loader
from serving.recommend.asking import Charted, Trends, Wanted
from serving.recommend.errors import NoModel, UnknownListener
from serving.recommend.recommender import AT_A_TIME, NOT_LATELY, Feed, Recommender
from serving.recommend.rights import Rights
from serving.recommend.schemas import Slate
from serving.recommend.service import SURFACE, USUAL, Known, seed_of
from serving.recommend.trends import NearCharts
from serving.trending.charts import Charts
from serving.trending.schemas import Chart
from serving.trending.service import read_chart

log = logging.getLogger(__name__)

COLUMNS = {
    "source": pl.String,
    "external_user_id": pl.String,
    "rank": pl.Int64,
    "external_song_id": pl.String,
    "song_id": pl.Int64,
    "score": pl.Float64,
    "reason": pl.String,  # its code, a colon, its sentence
}


@dataclass(frozen=True, slots=True)
class InProcess:
    """The code that the API answers with, over one bundle, for a command that ends."""

    recommender: Recommender
    chart: Chart
    near: Charted
    rights: Rights
    redis: Redis
    now: Clock

    @property
    def listeners(self) -> Sequence[UserId]:
        """Everyone the bundle knows, in order of id."""
        return [UserId(listener) for listener in self.recommender.known.tolist()]

    def listener(self, source: str, external_id: str) -> UserId:
        """The listener who was imported from `source` under that id. Raises UnknownListener."""
        listeners = self.recommender.bundle.listeners
        found = listeners.filter(origin=source, external_id=external_id)
        if found.is_empty():
            raise UnknownListener(f"there is no listener {external_id!r} from {source!r}")
        return UserId(int(found["listener_id"][0]))

    def recommend(self, listener: UserId, limit: int) -> Slate:
        """One listener's slate, as `GET /recommendations` answers it. Raises UnknownListener."""
        found, is_away = self._lately([listener])
        lately, at = found.get(listener, NOT_LATELY), self.now()
        if not Known(self.recommender, listener, lately, is_away, at).is_somebody:
            raise UnknownListener(f"there is no listener {listener}")
        wanted = Wanted(limit, budget=USUAL, seed=seed_of(listener, f"{at:%Y-%m-%dT%H} {SURFACE}"))
        trends = Trends(self.chart, self.near)
        feed = self.recommender.feed(listener, lately, wanted, trends=trends, at=at, rights=self.rights)
        return self.recommender.slate(feed, at=at, stale=("recent_songs",) if is_away else ())

    def recommend_all(self, limit: int) -> Iterator[pl.DataFrame]:
        """The songs of every known listener, batch by batch, with the columns `COLUMNS`; nothing is left to chance."""
        listeners = self.listeners
        for start in range(0, len(listeners), AT_A_TIME):
            some = listeners[start : start + AT_A_TIME]
            lately, _ = self._lately(some)
            told = self.recommender.recommend_many(
                some,
                limit,
                trends=Trends(self.chart, self.near),
                lately=lately,
                at=self.now(),
                rights=self.rights,
            )
            for feeds in told:
                yield table_of(feeds, self.recommender)

    def _lately(self, listeners: Sequence[UserId]) -> tuple[dict[UserId, Lately], bool]:
        """What these listeners heard since the bundle, and whether Redis is away."""
        try:
            return lately_of(self.redis, listeners), False
        except Unreachable as error:
            log.warning("recent songs are left out: %s", error)
            return {}, True


@contextmanager
def open_recommender(settings: Settings, now: Clock = utc_now) -> Iterator[InProcess]:
    """The published bundle, for connected settings. Raises NoModel when nothing has been published."""
    engines = settings.engines
    vectors, blobs = open_vectors(engines.vectors), open_blobs(engines.blobs)
    version = vectors.current(COLLECTION)
    if version is None:
        raise NoModel("nothing has been trained yet: run ./segue job --all")
    redis = open_redis(engines.redis)
    try:
        recommender, chart = loader(vectors, blobs)(version), _chart(engines.clickhouse_reader, now)
        with ThreadPoolExecutor(1) as beside:  # a notebook has a loop of its own in this thread
            near, rights = beside.submit(asyncio.run, _of_this_moment(engines, now)).result()
        yield InProcess(recommender, chart, near.most_played, rights, redis, now)
    finally:
        redis.close()


def table_of(feeds: Sequence[Feed], recommender: Recommender) -> pl.DataFrame:
    """Feeds as rows with source and external ids."""
    bundle = recommender.bundle
    rows = [
        (feed.user_id, item.rank, item.song_id, item.score, f"{item.reason.code}: {item.reason.text}")
        for feed in feeds
        for item in feed.items
    ]
    schema = {
        "listener_id": pl.Int64,
        "rank": pl.Int64,
        "song_id": pl.Int64,
        "score": pl.Float64,
        "reason": pl.String,
    }
    listeners = bundle.listeners.select(
        pl.col("listener_id").cast(pl.Int64), source="origin", external_user_id="external_id"
    )
    songs = bundle.songs.select(pl.col("song_id").cast(pl.Int64), external_song_id="external_id")
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .join(listeners, on="listener_id", how="left", maintain_order="left")
        .join(songs, on="song_id", how="left", maintain_order="left")
        .select(
            [
                pl.col(name).fill_null("") if kind == pl.String else pl.col(name)
                for name, kind in COLUMNS.items()
            ]
        )
    )


async def _of_this_moment(engines: Engines, now: Clock) -> tuple[NearCharts, Rights]:
    """The charts of the week, counted once, and what the catalog told of songs lately; neither where its engine is away."""
    charts = Charts(lambda: open_clickhouse_reader_async(engines.clickhouse_reader), now)
    if await charts.look():
        await charts.count(charts.units["listens", "week", "most_played", "raw"])
    await charts.close()
    redis = open_redis_async(engines.redis)
    rights = Rights(redis)
    await rights.refresh()
    await redis.aclose()
    return NearCharts(charts), rights


def _chart(url: str, now: Clock) -> Chart:
    """What is trending, or nothing when the warehouse is away: then popularity answers."""
    try:
        client = open_clickhouse_reader(url)
        try:
            return read_chart(client, now())
        finally:
            client.close()
    except Exception as error:  # noqa: BLE001 - a chart is a nicety here, whatever is wrong with it
        log.warning("trending is left out: %s", error)
        return Chart()
