"""Every endpoint asked by everybody: what was answered, to whom it should not have been, and what changed unasked."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg
from fastapi import FastAPI

from foundation.clock import utc_now
from foundation.engines import postgres
from foundation.engines.clickhouse import open_clickhouse
from tests.authorisation.requests import Ask, ask, picture, short
from tests.authorisation.table import OF_A_PUBLIC_PLAYLIST, TABLE, May
from tests.authorisation.world import ASKING, SECRETS, Settler, World
from tests.gateway.conftest import gateway_in
from tools.api_document import Operation, operations
from warehouse.migrate import migrate

UNTOUCHED_BY_A_LOOK = ("alembic_version",)
EVERYTHING = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname
"""


@dataclass
class Verdict:
    """What came out."""

    endpoints: int = 0
    tried: Counter[str] = field(default_factory=Counter)
    holes: list[str] = field(default_factory=list)

    def table(self) -> str:
        lines = [
            f"{'endpoints':<28}{self.endpoints:>7,}",
            f"{'combinations':<28}{sum(self.tried.values()):>7,}",
        ]
        lines += [f"  {name:<26}{count:>7,}" for name, count in sorted(self.tried.items())]
        return "\n".join([*lines, f"{'holes':<28}{len(self.holes):>7,}", *self.holes])


@dataclass
class Gateway:
    """The whole application in this process, its database, and its document."""

    app: FastAPI
    client: httpx.AsyncClient
    db: psycopg.Connection
    tables: tuple[str, ...]
    cover: str = ""
    ids: Iterator[int] = field(default_factory=lambda: count(10**9))

    @property
    def document(self) -> dict[str, Any]:
        described: dict[str, Any] = self.app.openapi()
        return described

    def world(self, *, is_public: bool = False) -> World:
        """Another world beside those of before, whose people these are not."""
        with self.db.transaction():
            world = Settler(self.db, utc_now(), self.ids).settle(is_public=is_public)
        world.things.update(key=self.cover, size=300)
        return world

    def state(self) -> Mapping[str, str]:
        """A digest of every table."""
        each = " UNION ALL ".join(
            f"SELECT '{name}', md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM {name} t"  # noqa: S608
            for name in self.tables
        )
        return dict(self.db.execute(each.encode()).fetchall())

    def forget(self) -> None:
        """Remove everything, so that looking at all of it stays quick; no id is given twice."""
        rest = [name for name in self.tables if name != "users"]
        with self.db.transaction(), self.db.pipeline():
            for name in ("playlists", "songs", "albums", "artists", "users", *rest):
                self.db.execute(f"DELETE FROM {name}".encode())  # noqa: S608

    async def send(
        self, request: Ask, world: World, name: str, more: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """The request as this person sends it, with `more` in its body."""
        headers = world.headers(name, self.app.state.tokens, utc_now())
        if request.media_type is not None:
            headers["content-type"] = request.media_type
        body = (
            {"content": request.content}
            if request.json is None
            else {"json": request.json | dict(more or {})}
        )
        return await self.client.request(
            request.method, request.path, params=dict(request.query), headers=headers, **body
        )


@asynccontextmanager
async def opened(home: Path, urls: Mapping[str, str]) -> AsyncIterator[Gateway]:
    """The gateway over these engines, unlimited."""
    with open_clickhouse(urls["clickhouse"]) as warehouse:
        migrate(warehouse)
    freely = {"enabled": False}, {"failures": 1_000_000}
    with postgres.connection(urls["postgres"]) as db:
        db.execute("SET synchronous_commit = off")
        tables = tuple(name for (name,) in db.execute(EVERYTHING) if name not in UNTOUCHED_BY_A_LOOK)
        async with gateway_in(home, urls, limits=freely[0], accounts=freely[1]) as (app, client):
            gateway = Gateway(app, client, db, tables)
            gateway.cover = await _cover(gateway)
            yield gateway


async def _cover(gateway: Gateway) -> str:
    """The key of a picture that is there."""
    world = gateway.world()
    path = f"/api/v1/albums/{world.things['album_id']}/cover"
    request = Ask("PUT", path, {}, content=picture(), media_type="image/png")
    answer = await gateway.send(request, world, "owner")
    assert answer.status_code == 200, answer.text
    row = gateway.db.execute(
        "SELECT cover_key FROM albums WHERE id = %s", [world.things["album_id"]]
    ).fetchone()
    assert row is not None
    return str(row[0])


Say = Callable[[str], None]


async def run(gateway: Gateway, say: Say = lambda line: None) -> Verdict:
    """The whole matrix."""
    verdict = Verdict()
    known = {short(operation): operation for operation in operations(gateway.document)}
    verdict.holes += [f"{name} is in no line of the table" for name in known.keys() - TABLE.keys()]
    verdict.holes += [f"{name} is in the table and not in the API" for name in TABLE.keys() - known.keys()]
    for name, operation in known.items():
        verdict.endpoints += 1
        if name in TABLE:
            await ask_all(gateway, operation, TABLE[name], verdict, is_public=False)
        if name in OF_A_PUBLIC_PLAYLIST:
            await ask_all(gateway, operation, OF_A_PUBLIC_PLAYLIST[name], verdict, is_public=True)
        say(f"{name}: {len(verdict.holes)} holes so far")
    return verdict


async def ask_all(
    gateway: Gateway, operation: Operation, may: May, verdict: Verdict, *, is_public: bool
) -> None:
    gateway.forget()
    due = {
        name: may.status_for(name, reads_token=operation.reads_token, needs_token=operation.needs_token)
        for name in ASKING
    }
    await _refused(gateway, operation, due, verdict, is_public=is_public)
    world = gateway.world(is_public=is_public)
    for name in (name for name, status in due.items() if status is None):
        if operation.method != "GET":  # what one has changed is not there for the next
            world = gateway.world(is_public=is_public)
        answer = await gateway.send(ask(operation, world, gateway.document), world, name)
        verdict.tried["answered"] += 1
        _note_secrets(verdict, operation, name, answer)
        if answer.status_code not in {*operation.successes, *may.passes}:
            verdict.holes.append(f"{name} may {short(operation)}: {answer.status_code} {answer.text[:200]}")


async def _refused(
    gateway: Gateway,
    operation: Operation,
    due: Mapping[str, int | None],
    verdict: Verdict,
    *,
    is_public: bool,
) -> None:
    """All who may not ask for the same things, and then everything must be as it was."""
    world = gateway.world(is_public=is_public)
    request = ask(operation, world, gateway.document)
    before = gateway.state()
    for name, status in due.items():
        if status is None:
            continue
        answer = await gateway.send(request, world, name)
        verdict.tried[f"refused with {status}"] += 1
        _note_secrets(verdict, operation, name, answer)
        if answer.status_code != status:
            what = f"{name} may not {short(operation)}: {answer.status_code} instead of {status}"
            verdict.holes.append(f"{what} {answer.text[:200]}")
    after = gateway.state()
    changed = [table for table in before if before[table] != after[table]]
    if changed:
        verdict.holes.append(f"{short(operation)} was refused, and changed {', '.join(changed)}")


def _note_secrets(verdict: Verdict, operation: Operation, name: str, answer: httpx.Response) -> None:
    """Nobody reads what is somebody else's, whatever they ask for; whoever holds a share link may read its playlist."""
    for secret, readers in SECRETS.items():
        is_shared = secret == "sealed-list" and operation.path.startswith("/api/v1/shared/")
        # A song's own title is public where songs are; that she heard or hid it is not.
        is_public = secret == "sealed-song" and not operation.path.startswith(("/api/v1/me", "/api/v1/users"))
        if secret in answer.text and name not in readers and not is_shared and not is_public:
            verdict.holes.append(f"{name} reads the {secret} by {short(operation)}")
