"""What is acknowledged is kept: through kill -9, retries, views, and readers beside writers."""

# ruff: noqa: S608 -- the tables' names are ours

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import Error

from foundation.engines.clickhouse import DURABLE, Client, open_clickhouse, open_clickhouse_reader
from foundation.errors import Unreachable
from tests.engines.clickhouse.conftest import Table
from tests.engines.clickhouse.servers import Place, Server, served


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with served(tmp_path) as started:
        yield started


def test_the_same_token_counts_once(writer: Client, table: Table) -> None:
    name = table("a UInt64", "non_replicated_deduplication_window = 100")
    rows = pa.table({"a": pa.array(range(1000), pa.uint64())})

    for token in ("one", "one", "two"):
        writer.insert_arrow(name, rows, settings={"insert_deduplication_token": token})

    assert writer.command(f"SELECT count() FROM {name}") == 2000


def test_an_insert_of_many_small_blocks_is_one_part_and_one_token(writer: Client, table: Table) -> None:
    name = table("a UInt64", "non_replicated_deduplication_window = 100")
    rows = pa.table({"a": pa.array(range(50_000), pa.uint64())})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows, max_chunksize=100)
    body = sink.getvalue().to_pybytes()

    for _ in range(2):
        writer.raw_insert(name, ["a"], body, fmt="ArrowStream", settings={"insert_deduplication_token": "t"})

    assert writer.command(f"SELECT count() FROM {name}") == 50_000
    assert writer.command(f"SELECT count() FROM system.parts WHERE table = '{name}' AND active") == 1


def test_materialised_views_are_fed(writer: Client, table: Table) -> None:
    source = table("song UInt64, day Date")
    writer.command(
        f"CREATE TABLE {source}_days (song UInt64, day Date, plays SimpleAggregateFunction(sum, UInt64)) "
        "ENGINE = AggregatingMergeTree ORDER BY (song, day)"
    )
    writer.command(
        f"CREATE MATERIALIZED VIEW {source}_view TO {source}_days AS "
        f"SELECT song, day, count() AS plays FROM {source} GROUP BY song, day"
    )

    for _ in range(3):
        writer.command(f"INSERT INTO {source} SELECT number % 10, toDate('2026-11-22') FROM numbers(100)")

    assert writer.query(
        f"SELECT song, sum(plays) FROM {source}_days GROUP BY song ORDER BY song LIMIT 1"
    ).result_rows == [(0, 30)]


@pytest.mark.slow
def test_readers_beside_writers_always_see_whole_inserts(
    readable: Place, writer: Client, table: Table
) -> None:
    name = table("a UInt64")
    rows = pa.table({"a": pa.array(range(1000), pa.uint64())})
    wrong: list[int] = []
    done = threading.Event()

    def write() -> None:
        for _ in range(25):
            writer.insert_arrow(name, rows)

    def read() -> None:
        with open_clickhouse_reader(readable.reader_url or "") as reader:
            while not done.is_set():
                count = int(str(reader.command(f"SELECT count() FROM {name}")))
                if count % 1000:
                    wrong.append(count)

    writers = [threading.Thread(target=write) for _ in range(3)]
    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in (*writers, *readers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()

    assert wrong == []
    assert writer.query(f"SELECT count(), sum(a) FROM {name}").result_rows == [
        (75_000, 75 * sum(range(1000)))
    ]


@pytest.mark.slow
def test_kill_9_during_inserts_loses_nothing_acknowledged(server: Server) -> None:
    with open_clickhouse(server.place.url) as client:
        client.command(
            "CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n "
            f"SETTINGS non_replicated_deduplication_window = 1000, {DURABLE}"
        )
    acknowledged: set[int] = set()

    def write(first: int) -> None:
        with suppress(Error, OSError, Unreachable), open_clickhouse(server.place.url) as client:
            for number in range(first, first + 10_000):
                rows = pa.table({"n": pa.array([number] * 100, pa.uint64())})
                client.insert_arrow("kept", rows, settings={"insert_deduplication_token": str(number)})
                acknowledged.add(number)

    for round_ in range(3):
        writers = [
            threading.Thread(target=write, args=((round_ * 2 + place) * 10_000,)) for place in range(2)
        ]
        for thread in writers:
            thread.start()
        time.sleep(1.5)
        server.kill()
        for thread in writers:
            thread.join()
        server.start()

    with open_clickhouse(server.place.url) as client:
        kept = dict(client.query("SELECT n, count() FROM kept GROUP BY n").result_rows)
    assert len(acknowledged) > 10
    assert acknowledged <= kept.keys()
    assert set(kept.values()) == {100}


@pytest.mark.slow
def test_reopening_takes_a_moment(server: Server) -> None:
    server.place.ask("CREATE TABLE big (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    server.place.ask("INSERT INTO big SELECT number, toString(number) FROM numbers(2000000)")
    assert server.stop() == 0

    took = server.start()

    assert server.place.ask("SELECT count() FROM big").body == b"2000000\n"
    assert took < 10  # about one second on an idle machine, most of it for loading the engine


@pytest.mark.slow
def test_a_folder_has_one_server(server: Server) -> None:
    other = Server(server.folder)

    with pytest.raises(AssertionError, match="ended with 1"):
        other.start()

    assert server.place.ask("SELECT 1").body == b"1\n"


def test_every_table_of_the_embedded_engine_is_fsynced(embedded: Place) -> None:
    sql = "SELECT value FROM system.merge_tree_settings WHERE name IN ('fsync_after_insert', 'fsync_part_directory')"

    assert embedded.ask(sql).body == b"1\n1\n"


def test_a_server_that_is_away_is_told_as_unreachable() -> None:
    with pytest.raises(Unreachable):
        open_clickhouse("http://writer:x@127.0.0.1:9/segue")
