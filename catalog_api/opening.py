"""Opens what the catalog's endpoints share in one process, and puts it where they find it: in the app's state."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.datastructures import State

from catalog_api.playback.service import open_playback
from catalog_api.revocations.service import standing
from event_log.log import EventLog
from event_log.searches import Searches
from foundation.cache import CHANNEL as CACHE
from foundation.cache import Cache
from foundation.clock import Clock
from foundation.engines.blobs import open_blobs
from foundation.engines.postgres import Postgres
from foundation.engines.postgres_channels import listening
from foundation.engines.redis import AsyncRedis
from foundation.http.revocations import CHANNEL as REVOKED
from foundation.http.revocations import Revocations
from foundation.http.sessions import Positions
from foundation.security import token_maker
from foundation.settings import Settings

HEARING_WITHIN = 2.0  # seconds


@asynccontextmanager
async def open_catalog(
    state: State, settings: Settings, *, postgres: Postgres, redis: AsyncRedis, log: EventLog, now: Clock
) -> AsyncIterator[None]:
    """Sets `settings, now, tokens, revocations, postgres, redis, positions, cache, blobs, playback, searches` of `state`,
    and `kept_elsewhere`: what others keep of people and an export shall hold, which is nothing until they say so.

    Meanwhile what other processes change and revoke is heard. Serving begins once it is, or where Postgres is away
    soon after.
    """
    state.settings, state.now, state.tokens = settings, now, token_maker(settings)
    state.postgres, state.redis, state.positions = postgres, redis, Positions(redis)
    state.kept_elsewhere = ()
    cache = state.cache = Cache(redis)
    revocations = state.revocations = Revocations()
    state.blobs = open_blobs(settings.engines.blobs)
    playback = state.playback = open_playback(postgres, log, now)
    state.searches = Searches(playback.listeners, log, now)
    is_linked = asyncio.Event()

    async def linked() -> None:
        cache.begin_hearing()
        playback.listeners.begin_hearing()
        async with postgres.reading() as db:
            revocations.add_all(await standing(db, now()))
        is_linked.set()

    def lost() -> None:
        cache.end_hearing()
        playback.listeners.end_hearing()

    def changed(keys: str) -> None:
        cache.hear(keys)
        playback.listeners.hear(keys)

    channels = {CACHE: changed, REVOKED: revocations.hear}
    try:
        async with listening(settings.engines.postgres, channels, linked=linked, lost=lost):
            with suppress(TimeoutError):
                await asyncio.wait_for(is_linked.wait(), HEARING_WITHIN)
            yield
    finally:
        await cache.close()
