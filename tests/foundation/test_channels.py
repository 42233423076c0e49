"""What transactions tell is heard when they commit, and hearing survives its connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from foundation.engines import postgres
from foundation.engines.postgres_channels import listening, notify, notify_now
from tests.conftest import Engines

pytestmark = pytest.mark.anyio


@dataclass
class Ear:
    """What was heard, and how often hearing began and ended."""

    words: list[str] = field(default_factory=list)
    linked: int = 0
    lost: int = 0

    async def link(self) -> None:
        self.linked += 1

    def lose(self) -> None:
        self.lost += 1


async def until(what: "asyncio.Future[bool] | object", ear: Ear, linked: int = 0, words: int = 0) -> None:
    for _ in range(500):
        if ear.linked >= linked and len(ear.words) >= words:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what}: {ear}")


@asynccontextmanager
async def an_ear(url: str) -> AsyncIterator[Ear]:
    ear = Ear()
    async with listening(url, {"news": ear.words.append}, linked=ear.link, lost=ear.lose):
        await until("linked", ear, linked=1)
        yield ear


async def test_only_what_commits_is_heard(engines: Engines) -> None:
    pool = postgres.open_postgres(engines.postgres)
    async with an_ear(engines.postgres) as ear:
        with pytest.raises(RuntimeError):
            async with pool.writing() as db:
                await notify(db, "news", ["undone"])
                raise RuntimeError
        async with pool.writing() as db:
            await notify(db, "news", ["done", "twice"])
            before = list(ear.words)
        with postgres.connection(engines.postgres) as plain:
            notify_now(plain, "news", ["more"])
        await until("heard", ear, words=2)
    await pool.close()

    assert before == []
    assert ear.words == ["done twice", "more"]


async def test_many_words_take_several_messages(engines: Engines) -> None:
    told = [f"song:{number}:metadata" for number in range(2_000)]
    async with an_ear(engines.postgres) as ear:
        with postgres.connection(engines.postgres) as db:
            notify_now(db, "news", told)
        await until("heard", ear, words=5)

    assert [word for message in ear.words for word in message.split()] == told


async def test_a_cut_connection_is_made_again_and_says_so(engines: Engines) -> None:
    async with an_ear(engines.postgres) as ear:
        with postgres.connection(engines.postgres) as db:
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%news%'"
            )
            await until("linked again", ear, linked=2)
            notify_now(db, "news", ["after"])
        await until("heard", ear, words=1)

    assert ear.words == ["after"]
    assert ear.lost == 2
