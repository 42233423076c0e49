"""The places the suite runs on: the embedded server, and a real one where TEST_CLICKHOUSE_URL names it."""

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from foundation.engines.clickhouse import (
    Client,
    open_clickhouse,
    open_clickhouse_async,
    open_clickhouse_reader,
    open_clickhouse_reader_async,
)
from tests.engines.clickhouse.servers import Place, served, with_database

PLACES = ("embedded", "server")
Table = Callable[..., str]


@pytest.fixture(scope="package", params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if request.param == "embedded":
        with served(tmp_path_factory.mktemp("clickhouse")) as server:
            yield server.place
        return
    url = os.environ.get("TEST_CLICKHOUSE_URL") or pytest.skip(
        "set TEST_CLICKHOUSE_URL to run this suite on it"
    )
    database = f"segue_test_{uuid4().hex[:8]}"
    with open_clickhouse(with_database(url, "default")) as client:
        client.command(f"CREATE DATABASE {database}")
        reader = os.environ.get("TEST_CLICKHOUSE_READER_URL")
        yield Place(
            with_database(url, database), reader and with_database(reader, database), is_embedded=False
        )
        client.command(f"DROP DATABASE {database}")


@pytest.fixture
def embedded(place: Place) -> Place:
    return place if place.is_embedded else pytest.skip("about the embedded server alone")


@pytest.fixture
def readable(place: Place) -> Place:
    return (
        place if place.reader_url else pytest.skip("set TEST_CLICKHOUSE_READER_URL: a user with readonly=1")
    )


class AsyncAsSync:
    """The asynchronous client, called from a test that is written once for both."""

    def __init__(self, client: Any, portal: BlockingPortal) -> None:
        self._client, self._portal = client, portal

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            async def awaited() -> Any:
                return await getattr(self._client, name)(*arguments, **named)

            return self._portal.call(awaited)

        return call


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as running:
        yield running


@pytest.fixture(scope="package", params=["sync", "async"])
def client(request: pytest.FixtureRequest, place: Place, portal: BlockingPortal) -> Iterator[Any]:
    """The writer's client, synchronous and asynchronous."""
    if request.param == "sync":
        with open_clickhouse(place.url) as opened:
            yield opened
        return
    opened_async = portal.call(open_clickhouse_async, place.url)
    yield AsyncAsSync(opened_async, portal)
    portal.call(opened_async.close)


@pytest.fixture(scope="package", params=["sync", "async"])
def reader(request: pytest.FixtureRequest, place: Place, portal: BlockingPortal) -> Iterator[Any]:
    """The reader's client, synchronous and asynchronous."""
    url = place.reader_url or pytest.skip("set TEST_CLICKHOUSE_READER_URL: a user with readonly=1")
    if request.param == "sync":
        with open_clickhouse_reader(url) as opened:
            yield opened
        return
    opened_async = portal.call(open_clickhouse_reader_async, url)
    yield AsyncAsSync(opened_async, portal)
    portal.call(opened_async.close)


@pytest.fixture(scope="package")
def writer(place: Place) -> Iterator[Client]:
    """One client that prepares what a test needs."""
    with open_clickhouse(place.url) as opened:
        yield opened


_numbers = itertools.count(1)


@pytest.fixture
def table(writer: Client) -> Callable[[str], str]:
    """Makes a MergeTree table of these columns and gives its name."""

    def made(columns: str, settings: str = "") -> str:
        name = f"t{next(_numbers)}"
        more = f" SETTINGS {settings}" if settings else ""
        writer.command(f"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY tuple(){more}")
        return name

    return made
