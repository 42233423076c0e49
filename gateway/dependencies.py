"""The things the platform cannot do without, and how each is asked whether it answers."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from foundation.engines.blobs import Blobs
from foundation.engines.clickhouse import AsyncClient, open_clickhouse_reader_async, reachable
from foundation.engines.opening import Opening
from foundation.engines.postgres import Postgres
from foundation.engines.redis import AsyncRedis
from foundation.engines.redis import reachable as redis_reachable
from foundation.engines.vectors.port import Vectors
from foundation.http.health import Dependency
from serving.bundle import COLLECTION, LiveBundle

Served = TypeVar("Served")


class NotLive(Exception):
    """The published version does not serve here; the text says why."""


class Warehouse:
    """Asks ClickHouse over a connection of its own, which is kept while it answers."""

    def __init__(self, url: str) -> None:
        self._opening: Opening[AsyncClient] = Opening(lambda: open_clickhouse_reader_async(url))

    async def ask(self) -> None:
        with reachable():
            await (await self._opening.client()).command("SELECT 1")

    async def close(self) -> None:
        await self._opening.close()


def database(postgres: Postgres) -> Dependency:
    """A connection of the request's own pool: a full one is as bad as none."""

    async def ask() -> None:
        async with postgres.reading():
            pass

    return Dependency("database", ask)


def cache(redis: AsyncRedis) -> Dependency:
    async def ask() -> None:
        with redis_reachable():
            await redis.ping()

    return Dependency("cache", ask)


def storage(blobs: Blobs) -> Dependency:
    def look() -> None:
        blobs.exists("health")
        if blobs.directory is not None and not os.access(blobs.directory, os.W_OK):
            raise PermissionError(f"{blobs.directory} cannot be written")

    return Dependency("storage", _in_thread(look))


def models(vectors: Vectors, live: LiveBundle[Served]) -> Dependency:
    """The pointer can be read, and what it names serves here. Nothing published yet is no fault."""

    def look() -> None:
        vectors.current(COLLECTION)
        if live.failure is not None:
            raise NotLive(live.failure)

    return Dependency("vectors", _in_thread(look))


def event_log(folder: Path) -> Dependency:
    """A play could be made safe now: the folder takes a file, and the disk takes its bytes."""
    probe = folder / f".health-{os.getpid()}"

    def write() -> None:
        try:
            with probe.open("wb") as file:
                file.write(b"\0" * 512)
                file.flush()
                os.fsync(file.fileno())
        finally:
            probe.unlink(missing_ok=True)

    return Dependency("event_log", _in_thread(write))


def _in_thread(look: Callable[[], None]) -> Callable[[], "asyncio.Future[None]"]:
    return lambda: asyncio.ensure_future(asyncio.to_thread(look))
