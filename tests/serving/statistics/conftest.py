"""The town's warehouse, and who answers over it."""

from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from foundation.engines.clickhouse import open_clickhouse, open_clickhouse_reader_async
from serving.statistics.warehouse import Warehouse
from tests.conftest import Engines
from tests.serving.statistics.world import Town
from warehouse.migrate import migrate


@pytest.fixture
def town(engines: Engines) -> Iterator[Town]:
    """An empty, migrated database of its own."""
    name = f"town_{uuid4().hex[:10]}"
    boss = open_clickhouse(engines.clickhouse)
    boss.command(f"CREATE DATABASE {name}")
    writer = open_clickhouse(_in(name, engines.clickhouse))
    migrate(writer)
    yield Town(writer, _in(name, engines.clickhouse_reader))
    boss.command(f"DROP DATABASE {name}")
    writer.close()
    boss.close()


@pytest.fixture
async def asked(town: Town) -> AsyncIterator[Warehouse]:
    warehouse = Warehouse(lambda: open_clickhouse_reader_async(town.reader_url))
    yield warehouse
    await warehouse.close()


def _in(database: str, url: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()
