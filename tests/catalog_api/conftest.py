"""A fresh, migrated catalog for each test that wants one."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
from psycopg import sql

from catalog_api.migrate import migrate
from foundation.engines import postgres
from foundation.engines.postgres import Postgres
from foundation.engines.redis import Redis, open_redis
from tests.catalog_api.api import Api, serving
from tests.serving.conftest import own_redis, redis_in

__all__ = ["own_redis"]


EMPTY = """
    SET synchronous_commit = off;
    BEGIN;
    DELETE FROM playlists; DELETE FROM songs; DELETE FROM albums; DELETE FROM artists; DELETE FROM users;
    DELETE FROM genres; DELETE FROM revocations; DELETE FROM idempotency_keys; DELETE FROM deletions;
    DELETE FROM listening_history; DELETE FROM counted_plays; DELETE FROM shipped;
    DELETE FROM external_ids; DELETE FROM imports; DELETE FROM history_imports; DELETE FROM outbox;
    SELECT setval(pg_get_serial_sequence(name, 'id'), 1, false)
    FROM unnest(ARRAY['users', 'artists', 'albums', 'songs', 'playlists']) AS name;
    COMMIT;
"""


class Engines(Protocol):
    """What these tests want of the session's engines."""

    @property
    def postgres(self) -> str: ...


@contextmanager
def _database(engines: Engines) -> Iterator[str]:
    name = sql.Identifier(f"catalog_{secrets.token_hex(4)}")
    with postgres.connection(engines.postgres) as db:
        db.execute(sql.SQL("CREATE DATABASE {}").format(name))
    yield engines.postgres.rsplit("/", 1)[0] + "/" + name.as_string().strip('"')
    with postgres.connection(engines.postgres) as db:
        db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def empty_database(engines: Engines) -> Iterator[str]:
    with _database(engines) as url:
        yield url


@pytest.fixture(scope="session")
def catalog_of_the_run(engines: Engines) -> Iterator[str]:
    with _database(engines) as url:
        migrate(url)
        yield url


@pytest.fixture
def catalog(catalog_of_the_run: str) -> str:
    """The URL of a catalog with the newest schema and nobody in it."""
    with postgres.connection(catalog_of_the_run) as db:
        db.execute(EMPTY)  # a tenth of the time that TRUNCATE takes for seven small tables
    return catalog_of_the_run


@pytest.fixture
async def pool(catalog: str) -> AsyncIterator[Postgres]:
    opened = postgres.open_postgres(catalog, connections=2)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def redis_of_the_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """One for all tests that do not want to kill theirs: starting one takes longer than most of them."""
    with redis_in(tmp_path_factory.mktemp("redis")) as (url, _):
        client = open_redis(url)
        yield client
        client.close()


@pytest.fixture
def emptied_redis(request: pytest.FixtureRequest) -> str:
    """The URL of a Redis with nothing in it: the test's own where it has one."""
    if "own_redis" in request.fixturenames:
        url: str = request.getfixturevalue("own_redis")[0]
        return url
    client: Redis = request.getfixturevalue("redis_of_the_run")
    client.flushall()
    told = client.connection_pool.connection_kwargs
    return f"redis://{told['host']}:{told['port']}"


@pytest.fixture
async def api(catalog: str, emptied_redis: str, tmp_path: Path) -> AsyncIterator[Api]:
    """The API over an empty catalog; its clients are not limited."""
    async with serving(catalog, emptied_redis, tmp_path) as running:
        yield running
