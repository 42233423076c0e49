"""A warehouse of their own for the tests of charts, empty for each of them."""

from collections.abc import AsyncIterator, Iterator

import pytest

from foundation.clock import utc_now
from foundation.engines.clickhouse import open_clickhouse_reader_async
from serving.trending.charts import Charts
from tests.conftest import Engines
from tests.serving.trending.chart_world import ChartWorld, chart_world


@pytest.fixture(scope="module")
def warehouse(engines: Engines) -> Iterator[ChartWorld]:
    with chart_world(engines) as made:
        yield made


@pytest.fixture
def world(warehouse: ChartWorld) -> ChartWorld:
    warehouse.empty()
    return warehouse


@pytest.fixture
async def charts(world: ChartWorld) -> AsyncIterator[Charts]:
    made = Charts(lambda: open_clickhouse_reader_async(world.reader), utc_now)
    yield made
    await made.close()
