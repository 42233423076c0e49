"""The one application that people connect to: the services' routers behind one port, with what they share."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from catalog_api.opening import open_catalog
from catalog_api.routers import HOT, ROUTERS
from event_log.opening import open_log
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.engines.blobs import Blobs
from foundation.engines.postgres import Postgres, open_postgres
from foundation.engines.postgres_metrics import measure_queries
from foundation.engines.redis import AsyncRedis, open_redis_async
from foundation.http.app import PREFIX, make_app
from foundation.http.door import Doorkeeper
from foundation.http.health import Dependency, Health
from foundation.http.identity import Identities
from foundation.http.rate_limit import RateLimits
from foundation.metrics import Gathered
from foundation.settings import Settings
from gateway import dependencies
from gateway.catalog import CatalogOfArtists, CatalogOfPlaylists
from gateway.kept import feedback_of
from gateway.pages import add_pages
from gateway.policies import policies
from gateway.watch import Watch, watching
from serving.lifespan import Serving, open_serving
from serving.recommend.router import kept_slate
from serving.recommend.router import router as recommend
from serving.shelves.router import router as shelves
from serving.similar.router import router as similar
from serving.statistics.router import router as statistics
from serving.taste.router import router as taste
from serving.trending.router import router as trending

VERSION = "0.1.0"
DESCRIPTION = """Music, those who make it and those who listen: accounts, the catalog, playlists, people, plays, personal feeds.

Sign up with `POST /api/v1/auth/register` and in with `POST /api/v1/auth/login`, or get a token for any listener with
`./segue token LISTENER`; press **Authorize**, and ask for `GET /api/v1/recommendations`.
"""


def create_app(settings: Settings) -> FastAPI:
    """The platform's app; what it needs of outside is opened when it starts serving."""
    keeper = Doorkeeper(settings.http, access_log=settings.telemetry.access_log)
    keeper.secret = f"{PREFIX}/shared/"  # of a playlist, for whoever has the link
    keeper.biggest_files[f"{PREFIX}/me/history/import"] = settings.imports.biggest_file

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        connected = foundation_settings.connected(settings)
        async with AsyncExitStack() as opened:
            state = app.state
            log = open_log(connected, "api")
            opened.callback(log.close)
            state.log = log
            postgres = open_postgres(connected.engines.postgres, replica=connected.engines.postgres_replica)
            opened.push_async_callback(postgres.close)
            measure_queries(postgres)
            redis = open_redis_async(connected.engines.redis)
            opened.push_async_callback(redis.aclose)
            catalog = open_catalog(state, connected, postgres=postgres, redis=redis, log=log, now=utc_now)
            await opened.enter_async_context(catalog)
            keeper.identities = Identities(state.tokens, revocations=state.revocations)
            _limit(keeper, redis, settings)
            serving = await opened.enter_async_context(open_serving(connected))
            state.live, state.vectors = serving.live, serving.vectors
            state.online, state.rights = serving.online, serving.rights
            state.near, state.trending = serving.near, serving.trending
            state.kept_feeds = serving.kept_feeds
            state.kept_elsewhere = (feedback_of(serving.online),)
            state.warehouse, state.artists = serving.warehouse, CatalogOfArtists(postgres)
            state.public_playlists = CatalogOfPlaylists(postgres)
            state.health, state.readiness = _health(opened, connected, postgres, redis, state.blobs, serving)
            state.tell = (keeper.tally.tell, state.cache.tell, Gathered.tell)
            watch = Watch(serving.live, postgres, state.tell, utc_now)
            await opened.enter_async_context(watching(watch.look))
            yield

    app = make_app(
        title="Segue",
        description=DESCRIPTION,
        version=VERSION,
        routers=[recommend, taste, shelves, trending, similar, statistics, *ROUTERS],
        hot=HOT,
        prompt={"/recommendations": kept_slate},
        lifespan=lifespan,
        keeper=keeper,
    )
    add_pages(app, settings.log_dir)
    return app


def _limit(keeper: Doorkeeper, redis: AsyncRedis, settings: Settings) -> None:
    """Let the door count requests, where the settings want it."""
    limits = settings.limits
    if limits.enabled:
        keeper.policy_of = policies(limits)
        keeper.limits = RateLimits(redis, workers=settings.api.workers)


def _health(
    opened: AsyncExitStack,
    settings: Settings,
    postgres: Postgres,
    redis: AsyncRedis,
    blobs: Blobs,
    serving: Serving,
) -> tuple[Health, Health]:
    """The whole platform's health, and the readiness of this process."""
    warehouse = dependencies.Warehouse(settings.engines.clickhouse_reader)
    opened.push_async_callback(warehouse.close)
    own = [dependencies.event_log(settings.log_dir), dependencies.models(serving.vectors, serving.live)]
    health = Health(
        [
            dependencies.database(postgres),
            dependencies.cache(redis),
            Dependency("warehouse", warehouse.ask),
            dependencies.storage(blobs),
            *own,
        ]
    )
    readiness = Health(own)
    for each in (health, readiness):
        opened.push_async_callback(each.close)
    return health, readiness
