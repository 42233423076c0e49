"""Opens everything that serving holds while a process runs, and closes it again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from feature_store.held import HeldListeners
from feature_store.online import PREFIXES, Lately, ListenersOnline
from foundation.clock import Clock, utc_now
from foundation.contracts.tables import SongVectors
from foundation.engines.blobs import Blobs, open_blobs
from foundation.engines.clickhouse import open_clickhouse_reader_async
from foundation.engines.redis import open_redis_async
from foundation.engines.redis_changes import Changes
from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.port import Vectors
from foundation.settings import Settings
from models import bundle as bundles
from models.arrays import Factors, Positions
from serving.bundle import COLLECTION, LiveBundle
from serving.recommend.history import NOTHING
from serving.recommend.kept import KeptFeeds
from serving.recommend.recommender import Recommender
from serving.recommend.rights import Rights
from serving.recommend.trends import NearCharts
from serving.statistics.warehouse import Warehouse
from serving.trending.counting import COUNTED_WITHIN
from serving.trending.service import Trending
from serving.trending.sharing import Sharing

FIRST_CHART = 2.0  # seconds that starting waits for the first chart; without it, popularity answers


@dataclass(frozen=True, slots=True)
class Serving:
    """What the routers find in `app.state`, under the same names."""

    live: LiveBundle[Recommender]
    vectors: Vectors
    online: ListenersOnline
    rights: Rights
    near: NearCharts
    kept_feeds: KeptFeeds
    trending: Trending
    warehouse: Warehouse
    now: Clock


@asynccontextmanager
async def open_serving(settings: Settings, now: Clock = utc_now) -> AsyncIterator[Serving]:
    """Everything serving needs, for connected settings. An engine that is away delays nothing and breaks nothing."""
    engines = settings.engines
    vectors, blobs = open_vectors(engines.vectors), open_blobs(engines.blobs)
    redis = open_redis_async(engines.redis)
    rights = Rights(redis)
    await rights.refresh()
    live = LiveBundle(vectors, loader(vectors, blobs, rights))
    trending = Trending(
        lambda: open_clickhouse_reader_async(engines.clickhouse_reader, patience=COUNTED_WITHIN),
        now,
        settings.trending,
        Sharing(
            settings.run_dir / "charts", f"{engines.clickhouse_reader} {settings.trending.search_listeners}"
        ),
    )
    warehouse = Warehouse(lambda: open_clickhouse_reader_async(engines.clickhouse_reader))
    await asyncio.to_thread(live.__enter__)
    with suppress(TimeoutError):
        await asyncio.wait_for(trending.refresh(), FIRST_CHART)
    # A feed's products are small: a second thread would cost it more than it saves, and take a core from another request.
    one_thread = threadpool_limits(1, "blas")
    held: HeldListeners[Lately] = HeldListeners()
    changes = Changes(engines.redis, PREFIXES, held.changed)
    held.are_changes_heard = lambda: changes.are_heard
    stop = asyncio.Event()
    following = asyncio.create_task(trending.follow(), name="trending")
    looking = asyncio.create_task(rights.follow(stop), name="rights")
    hearing = asyncio.create_task(changes.follow(stop), name="changes")
    try:
        yield Serving(
            live,
            vectors,
            ListenersOnline(redis, held),
            rights,
            NearCharts(trending.charts),
            KeptFeeds(),
            trending,
            warehouse,
            now,
        )
    finally:
        stop.set()
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await looking
        await hearing
        one_thread.restore_original_limits()
        await asyncio.to_thread(live.__exit__, None, None, None)
        await trending.close()
        await warehouse.close()
        await redis.aclose()


def loader(vectors: Vectors, blobs: Blobs, rights: Rights | None = None) -> Callable[[str], Recommender]:
    """How a published version becomes a recommender: its bundle, pinned to the same version of the vectors.

    What the catalog told since goes in before it serves, so that no request waits for that.
    """

    def load(version: str) -> Recommender:
        bundle = bundles.load(version, blobs)

        def nearest(vector: Factors, limit: int, excluded: Positions) -> list[int]:
            found = vectors.nearest(
                COLLECTION, vector, limit, name=SongVectors.als, excluded=excluded, version=version
            )
            return [neighbour.id for neighbour in found]

        if len(bundle.song_ids):
            # The first question opens the version and leases it, so that nobody deletes it while it serves here.
            nearest(np.ones(bundle.song_factors.shape[1], np.float32), 1, NOTHING)
        recommender = Recommender.over(bundle, nearest)
        recommender.ruled_by(rights)
        return recommender

    return load
