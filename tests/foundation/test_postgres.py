"""The pool of connections: none that died is given to a request, and a living one is not asked again and again."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event, text

from foundation.engines import postgres
from foundation.engines.postgres import Postgres, open_postgres
from tests.conftest import Engines

pytestmark = pytest.mark.anyio

END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'segue'"


@pytest.fixture
async def pool(engines: Engines) -> AsyncIterator[Postgres]:
    opened = open_postgres(engines.postgres)
    yield opened
    await opened.close()


async def one(pool: Postgres) -> int:
    """The number of the connection that answers."""
    async with pool.reading() as db:
        return int((await db.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def test_after_all_connections_ended_the_next_request_gets_a_new_one(
    pool: Postgres, engines: Engines
) -> None:
    first = await one(pool)
    with postgres.connection(engines.postgres, name="the end") as db:
        db.execute(END_ALL)
    await asyncio.sleep(0.1)  # a process that serves has heard of it by its next request

    second = await one(pool)

    assert first != second


async def test_one_that_was_forgotten_on_the_way_is_found_out_when_it_stood_idle(
    pool: Postgres, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "IDLE", 0.0)
    asked: list[str] = []
    monkeypatch.setattr(pool.engine.dialect, "do_ping", lambda _: asked.append("ping") or forgotten())
    first = await one(pool)

    second = await one(pool)

    assert first != second
    assert asked == ["ping"]


async def test_one_in_use_is_not_asked(pool: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool.engine.dialect, "do_ping", lambda _: forgotten())
    statements: list[str] = []
    event.listen(
        pool.engine.sync_engine, "before_cursor_execute", lambda _c, _k, said, *_: statements.append(said)
    )

    first, second = await one(pool), await one(pool)

    assert first == second
    assert statements == ["SELECT pg_backend_pid()"] * 2


def forgotten() -> bool:
    raise ConnectionResetError("nobody knows this connection")
