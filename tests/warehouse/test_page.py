"""docs/warehouse.md says what every table and column means, and its queries run."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from foundation.engines.clickhouse import Client, open_clickhouse, open_clickhouse_reader
from tests.conftest import REPOSITORY, Engines
from warehouse.migrate import migrate

pytestmark = pytest.mark.slow

PAGE = Path(REPOSITORY, "docs", "warehouse.md").read_text()
QUERIES = re.findall(r"```sql\n(.+?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def reader(engines: Engines) -> Iterator[Client]:
    """Of an empty warehouse of its own, so that no table of another test is in it."""
    name = f"page_{uuid4().hex[:10]}"
    with open_clickhouse(engines.clickhouse) as boss:
        boss.command(f"CREATE DATABASE {name}")
        with open_clickhouse(urlsplit(engines.clickhouse)._replace(path=f"/{name}").geturl()) as writer:
            migrate(writer)
        with open_clickhouse_reader(
            urlsplit(engines.clickhouse_reader)._replace(path=f"/{name}").geturl()
        ) as reader:
            yield reader
        boss.command(f"DROP DATABASE {name}")


def test_every_column_of_every_table_is_on_the_page_and_no_other(reader: Client) -> None:
    asked = """
        SELECT table, groupArray(name) FROM system.columns
        WHERE database = currentDatabase() AND table IN (
            SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')
        GROUP BY table
    """
    real = {table: set(columns) for table, columns in reader.query(asked).result_rows}

    assert dict(told()) == real


def test_every_table_and_column_is_told_in_words() -> None:
    for section in PAGE.split("\n### ")[1:]:
        heading, sentence = section.split("\n")[0], section.split("\n")[2]
        assert sentence.startswith("One row per "), heading

    for column, meaning in re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, re.MULTILINE):
        assert len(meaning.strip()) > 2, column


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.split("\n")[0].removeprefix("-- "))
def test_every_query_on_the_page_runs_as_the_reader(reader: Client, query: str) -> None:
    answer = reader.query_arrow(query)

    assert answer.num_columns > 1


def test_there_are_queries_on_the_page() -> None:
    assert len(QUERIES) >= 5


def told() -> Iterator[tuple[str, set[str]]]:
    """Each table of the page with its columns."""
    for section in PAGE.split("\n### ")[1:]:
        yield section.split("\n")[0], set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
