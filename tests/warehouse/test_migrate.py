"""The warehouse's tables are made once, in order, and every table that code names is there with its columns."""

import inspect

import pytest

from foundation.contracts import tables
from foundation.engines.clickhouse import open_clickhouse, open_clickhouse_reader
from tests.conftest import Engines
from warehouse.migrate import MIGRATIONS, migrate, query

pytestmark = pytest.mark.slow


def test_migrating_twice_applies_nothing_the_second_time(engines: Engines) -> None:
    client = open_clickhouse(engines.clickhouse)

    migrate(client)

    assert migrate(client) == []
    applied = client.query("SELECT name FROM schema_versions FINAL ORDER BY name").result_columns[0]
    assert list(applied) == sorted(path.stem for path in MIGRATIONS.glob("*.sql"))


def test_every_column_that_code_names_exists(engines: Engines) -> None:
    migrate(open_clickhouse(engines.clickhouse))
    reader = open_clickhouse_reader(engines.clickhouse_reader)

    for _, table in inspect.getmembers(tables, inspect.isclass):
        if "table" in vars(table):
            columns = {row[0] for row in reader.query(f"DESCRIBE TABLE {table.table}").result_rows}
            named = {
                value for name, value in vars(table).items() if not name.startswith("_") and name != "table"
            }
            assert named <= columns, table.__name__


def test_trending_is_asked_of_the_rollup_alone(engines: Engines) -> None:
    migrate(open_clickhouse(engines.clickhouse))
    reader = open_clickhouse_reader(engines.clickhouse_reader)

    rows = reader.query(query("trending"), {"today": "2000-01-01", "days": 7, "limit": 3}).result_rows

    assert "FROM listens" not in query("trending")
    assert rows == []
