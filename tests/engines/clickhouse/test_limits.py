"""What one question of a reader may take: rows, time and memory; and that nobody who reads can take more."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from clickhouse_connect.driver.external import ExternalData

from foundation.engines.clickhouse import open_clickhouse
from tests.engines.clickhouse.servers import Place, Server

TOO_MANY_ROWS, TOO_SLOW, MEMORY, READONLY = 158, 159, 241, 164
LIMITS = ("max_execution_time", "max_memory_usage", "max_rows_to_read", "max_result_rows")


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server on which a reader has a second and, of little memory, a quarter."""
    server = Server(tmp_path_factory.mktemp("hurried"))
    server.start("--reader-seconds", "1", "--max-memory", str(1 << 30))
    yield server.place
    server.stop()


def test_a_reader_has_limits(embedded: Place) -> None:
    asked = ", ".join(f"toUInt64(getSetting('{name}'))" for name in LIMITS)

    seconds, memory, read, told = map(int, embedded.ask(f"SELECT {asked}", user="reader").text.split())
    unlimited = embedded.ask("SELECT toUInt64(getSetting('max_execution_time'))").text.strip()

    assert (seconds, read, told) == (300, 5_000_000_000, 100_000_000)
    assert 0 < memory < 1 << 40
    assert unlimited == "0"


def test_a_reader_who_brings_tables_has_the_same_limits(embedded: Place, reader: Any) -> None:
    asked = ", ".join(f"toUInt64(getSetting('{name}'))" for name in LIMITS)
    brought = ExternalData(file_name="mine", data=b"1\n", structure="a UInt8", fmt="CSV")

    told = reader.query(f"SELECT {asked}, (SELECT sum(a) FROM mine)", external_data=brought).result_rows[0]  # noqa: S608 - ours

    plain = embedded.ask(f"SELECT {asked}", user="reader").text.split()
    assert [*map(str, told)] == [*plain, "1"]


def test_what_comes_in_goes_before_a_reader(embedded: Place) -> None:
    with closing(open_clickhouse(embedded.url, goes_first=True)) as shipper:
        (of_shipper,) = shipper.query("SELECT toUInt64(getSetting('priority'))").first_row
    of_reader = embedded.ask("SELECT toUInt64(getSetting('priority'))", user="reader").text.strip()
    of_writer = embedded.ask("SELECT toUInt64(getSetting('priority'))").text.strip()

    assert (of_shipper, of_reader, of_writer) == (1, "2", "0")


@pytest.mark.parametrize("name", [*LIMITS, "priority"])
def test_a_reader_cannot_raise_a_limit(embedded: Place, name: str) -> None:
    by_url = embedded.ask("SELECT 1", user="reader", **{name: "0"})
    by_query = embedded.ask(f"SELECT 1 SETTINGS {name} = 0", user="reader")
    by_set = embedded.ask(f"SET {name} = 0", user="reader")

    assert (by_url.code, by_query.code, by_set.code) == (READONLY, READONLY, READONLY)


def test_a_question_that_reads_too_many_rows_is_given_up(embedded: Place) -> None:
    said = embedded.ask("SELECT sum(number) FROM numbers(5000000001)", user="reader")

    assert said.code == TOO_MANY_ROWS, said.text


def test_a_question_that_takes_too_long_is_given_up(hurried: Place) -> None:
    said = hurried.ask("SELECT count() FROM numbers(4000000000) WHERE sipHash64(number) = 1", user="reader")

    assert said.code == TOO_SLOW, said.text


def test_a_question_that_takes_too_much_memory_is_given_up(hurried: Place) -> None:
    said = hurried.ask("SELECT length(range(100000000))", user="reader")
    small = hurried.ask("SELECT length(range(1000))", user="reader")

    assert said.code == MEMORY, said.text
    assert small.text == "1000\n"


def test_the_writer_goes_on_after_them(hurried: Place) -> None:
    hurried.ask("SELECT count() FROM numbers(4000000000) WHERE sipHash64(number) = 1", user="reader")

    assert hurried.ask("SELECT 1").text == "1\n"
