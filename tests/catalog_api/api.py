"""The catalog's API in this process, over a real Postgres, Redis and event log, with people who speak to it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from fastapi import APIRouter, FastAPI

from catalog_api.opening import open_catalog
from catalog_api.routers import HOT, ROUTERS
from event_log.log import EventLog
from foundation.clock import utc_now
from foundation.contracts.events import Event, decode
from foundation.engines import postgres
from foundation.engines.redis import open_redis_async
from foundation.http.app import make_app
from foundation.http.door import Doorkeeper
from foundation.http.identity import Identities
from foundation.ids import UserId
from foundation.settings import Engines, Settings
from tests.foundation.clocks import Moving

SECRET = "a secret of at least thirty-two bytes"


@dataclass
class Api:
    """One worker of the API. `clock` moves on by itself and may be pushed."""

    app: FastAPI
    transport: httpx.ASGITransport
    catalog: str  # the URL of its Postgres
    log: EventLog
    clock: Moving
    folder: Path
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    def as_(
        self, listener: int | None = None, *, roles: Sequence[str] = ("user",), subscription: str = "free"
    ) -> httpx.AsyncClient:
        """A client who holds an access token of this listener; without one, a client who is nobody."""
        headers = {}
        if listener is not None:
            token = self.app.state.tokens.issue(
                UserId(listener), roles=roles, now=self.clock(), subscription=subscription
            )
            headers["Authorization"] = f"Bearer {token}"
        return self.with_headers(headers)

    def with_headers(self, headers: dict[str, str]) -> httpx.AsyncClient:
        client = httpx.AsyncClient(transport=self.transport, base_url="http://segue/api/v1", headers=headers)
        self._clients.append(client)
        return client

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a statement gives, committed at once."""
        with postgres.connection(self.catalog) as db:
            cursor = db.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def outbox(self) -> list[Event]:
        """The events that wait in the outbox, in order."""
        return [
            event
            for (record,) in self.sql("SELECT events FROM outbox ORDER BY id")
            for event in decode(bytes(record))
        ]

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


@asynccontextmanager
async def serving(
    catalog: str,
    redis: str,
    folder: Path,
    *,
    routers: Sequence[APIRouter] = ROUTERS,
    replica: str = "",
    **groups: object,
) -> AsyncIterator[Api]:
    """A worker on these engines, with a folder of its own for the log and blobs; `groups` are settings."""
    urls = Engines(postgres=catalog, postgres_replica=replica, redis=redis, blobs=f"file://{folder}/blobs")
    settings = Settings(SEGUE_HOME=folder, engines=urls, tokens={"secret": SECRET}, **groups)  # type: ignore[arg-type]
    pool = postgres.open_postgres(catalog, replica=replica, connections=4)
    cache = open_redis_async(redis)
    log = EventLog(settings.log_dir, "api-1", age=settings.event_log.segment_age, size=2**20)
    keeper, clock = Doorkeeper(settings.http), Moving(utc_now())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_catalog(app.state, settings, postgres=pool, redis=cache, log=log, now=clock):
            keeper.identities = Identities(
                app.state.tokens, revocations=app.state.revocations, seconds=lambda: clock().timestamp()
            )
            yield

    app = make_app(
        title="Segue", description="", version="0", routers=routers, hot=HOT, lifespan=lifespan, keeper=keeper
    )
    api = Api(app, httpx.ASGITransport(app, raise_app_exceptions=False), catalog, log, clock, folder)
    try:
        async with app.router.lifespan_context(app):
            yield api
    finally:
        await api.close()
        log.close()
        await cache.aclose()
        await pool.close()


def people(catalog: str, *names: str) -> list[int]:
    """Makes accounts without passwords of these names; returns their ids."""
    with postgres.connection(catalog) as db:
        return [_person(db, name) for name in names]


def _person(db: psycopg.Connection, name: str) -> int:
    made = "INSERT INTO users (display_name, email, country) VALUES (%s, %s, 'NZ') RETURNING id"
    row = db.execute(made, (name, f"{name}@example.org")).fetchone()
    assert row
    return int(row[0])
