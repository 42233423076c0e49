"""Reads may go to a replica, and everyone reads what they wrote themselves, however far behind it is."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import psycopg
import pytest
from fastapi import APIRouter
from sqlalchemy import text

from catalog_api.migrate import migrate
from catalog_api.routers import ROUTERS
from foundation.http.principal import Listener
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from tests.catalog_api.api import Api, people, serving
from tests.servers.servers import missing, replicated
from tests.serving.conftest import own_redis

__all__ = ["own_redis"]

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
router = APIRouter(prefix="/words", route_class=Route)


@router.post("/{word}", status_code=201)
async def add(word: str, listener: Listener, db: Writes) -> None:
    """Keeps a word."""
    await db.execute(text("INSERT INTO genres (name) VALUES (:word)"), {"word": word})


@router.get("")
async def words(listener: Listener, db: Reads) -> dict[str, object]:
    """All words, and whether a replica told them."""
    told = list(await db.scalars(text("SELECT name FROM genres ORDER BY name")))
    return {"words": told, "by_replica": await db.scalar(text("SELECT pg_is_in_recovery()"))}


@dataclass
class Pair:
    api: Api
    replica: str

    def replay(self, *, on: bool) -> None:
        with psycopg.connect(self.replica, autocommit=True) as db:
            db.execute("SELECT pg_wal_replay_resume()" if on else "SELECT pg_wal_replay_pause()")
            if on:
                return
            while db.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() != ("paused",):
                pass


@pytest.fixture(scope="module")
def databases() -> Iterator[tuple[str, str]]:
    if any("PostgreSQL" in each for each in missing()):
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is not installed here")
        pytest.skip("PostgreSQL is not installed here: apt-get install postgresql")
    with replicated() as both:
        migrate(both[0])
        people(both[0], "ann", "bob")
        yield both


@pytest.fixture
async def pair(
    databases: tuple[str, str], own_redis: tuple[str, "Popen[bytes]"], tmp_path: Path
) -> AsyncIterator[Pair]:
    leader, replica = databases
    with psycopg.connect(leader, autocommit=True) as db:
        db.execute("DELETE FROM genres")
    routers = [router, *ROUTERS]
    async with serving(leader, own_redis[0], tmp_path, routers=routers, replica=replica) as api:
        yield Pair(api, replica)


async def test_who_wrote_reads_it_while_the_replica_is_behind(pair: Pair) -> None:
    ann, bob = pair.api.as_(1), pair.api.as_(2)
    await ann.post("/words/old")
    pair.replay(on=False)

    await ann.post("/words/rock")
    by_ann, by_bob = (await ann.get("/words")).json(), (await bob.get("/words")).json()
    pair.replay(on=True)

    assert by_ann == {"words": ["old", "rock"], "by_replica": False}
    assert by_bob["by_replica"] is True
    assert "rock" not in by_bob["words"]


async def test_what_another_process_wrote_for_them_counts_too(
    pair: Pair, databases: tuple[str, str], tmp_path: Path
) -> None:
    urls = pair.api.app.state.settings.engines
    pair.replay(on=False)
    async with serving(
        databases[0], urls.redis, tmp_path / "other", routers=[router, *ROUTERS], replica=databases[1]
    ) as other:
        await other.as_(1).post("/words/jazz")

        told = (await pair.api.as_(1).get("/words")).json()
    pair.replay(on=True)

    assert told == {"words": ["jazz"], "by_replica": False}


async def test_a_replica_that_is_away_is_done_without(
    databases: tuple[str, str], own_redis: tuple[str, "Popen[bytes]"], tmp_path: Path
) -> None:
    away = "postgresql://admin@127.0.0.1:1/postgres"
    async with serving(databases[0], own_redis[0], tmp_path, routers=[router], replica=away) as api:
        told = await api.as_(2).get("/words")

    assert told.status_code == 200
    assert told.json()["by_replica"] is False
