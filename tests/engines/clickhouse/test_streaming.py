"""Long answers and long inserts pass through in pieces, in bounded memory, at the client's pace."""

# ruff: noqa: S608 -- the tables' names are ours

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from anyio.from_thread import BlockingPortal
from clickhouse_connect.driver.exceptions import StreamFailureError

from foundation.engines.clickhouse import Client, open_clickhouse, open_clickhouse_async
from tests.engines.clickhouse.conftest import Table
from tests.engines.clickhouse.servers import Place, Server, served

ROWS = "SELECT number, toString(number) AS text FROM numbers({})"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with served(tmp_path) as started:
        yield started


def memory_of(server: Server) -> int:
    """Bytes that the server's process holds."""
    fields = Path(f"/proc/{server.pid}/statm").read_text().split()
    return int(fields[1]) * 4096


def test_rows_and_blocks_stream(writer: Client) -> None:
    with writer.query_rows_stream(ROWS.format(200_000)) as rows:
        total = sum(row[0] for row in rows)
    with writer.query_row_block_stream(ROWS.format(200_000)) as blocks:
        sizes = [len(block) for block in blocks]
    with writer.query_column_block_stream(ROWS.format(200_000)) as columns:
        counted = sum(len(block[0]) for block in columns)

    assert total == sum(range(200_000))
    assert sum(sizes) == counted == 200_000
    assert len(sizes) > 1


def test_arrow_and_frames_stream(writer: Client) -> None:
    with writer.query_arrow_stream(ROWS.format(300_000)) as batches:
        arrow = sum(batch.num_rows for batch in batches)
    with writer.query_df_stream(ROWS.format(300_000)) as frames:
        framed = sum(len(frame) for frame in frames)
    raw = writer.raw_stream(ROWS.format(1000), fmt="TSV").read()

    assert arrow == framed == 300_000
    assert raw.count(b"\n") == 1000


def test_the_asynchronous_client_streams(place: Place, portal: BlockingPortal) -> None:
    async def totals() -> tuple[int, int]:
        client = await open_clickhouse_async(place.url)
        rows = arrow = 0
        async with await client.query_row_block_stream(ROWS.format(300_000)) as blocks:
            async for block in blocks:
                rows += len(block)
        async with await client.query_arrow_stream(ROWS.format(300_000)) as batches:
            async for batch in batches:
                arrow += batch.num_rows
        await client.close()
        return rows, arrow

    assert portal.call(totals) == (300_000, 300_000)


def test_an_error_in_a_stream_is_raised_while_it_is_read(writer: Client) -> None:
    with (
        pytest.raises(StreamFailureError, match="throwIf"),
        writer.query_row_block_stream("SELECT throwIf(number = 2000000) FROM numbers(3000000)") as blocks,
    ):
        for _ in blocks:
            pass


def test_a_generator_of_rows_can_be_inserted(writer: Client, table: Table) -> None:
    name = table("a UInt64, b String")
    pieces = (f"{number}\ttext\n".encode() * 100 for number in range(5000))

    writer.raw_insert(name, ["a", "b"], pieces, fmt="TSV")

    assert writer.query(f"SELECT count(), sum(a) FROM {name}").result_rows == [
        (500_000, 100 * sum(range(5000)))
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format_", "rows"),
    [("Native", 20_000_000), ("ArrowStream", 40_000_000), ("CSV", 20_000_000), ("JSON", 5_000_000)],
)
def test_a_long_answer_takes_little_memory(server: Server, format_: str, rows: int) -> None:
    place = server.place
    place.ask("SELECT count() FROM numbers(1000)")
    before = memory_of(server)
    connection = place.connection()
    connection.request(
        "POST",
        "/",
        f"SELECT number AS a, number * 2 AS b FROM numbers({rows}) FORMAT {format_}",
        {"Authorization": place.authorization("writer")},
    )

    answer, most, size = connection.getresponse(), 0, 0
    while piece := answer.read(1 << 22):
        size += len(piece)
        most = max(most, memory_of(server))
    connection.close()

    assert size > 200_000_000
    assert most - before < 120_000_000


@pytest.mark.slow
def test_a_long_insert_takes_little_memory(server: Server) -> None:
    batch = pa.record_batch({"a": pa.array(range(100_000), pa.uint64()), "b": ["some text"] * 100_000})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as written:
        for _ in range(400):
            written.write_batch(batch)
    body = sink.getvalue().to_pybytes()
    with open_clickhouse(server.place.url) as client:
        client.command("CREATE TABLE long (a UInt64, b String) ENGINE = MergeTree ORDER BY tuple()")
        before = memory_of(server)

        client.raw_insert("long", ["a", "b"], body, fmt="ArrowStream")

        assert client.command("SELECT count() FROM long") == 40_000_000
        # Blocks on their way and merges beside them take some 300 to 450 MB, however long the insert is.
        assert memory_of(server) - before < 650_000_000
    assert len(body) > 800_000_000


def test_a_slow_reader_gets_everything(place: Place) -> None:
    connection = place.connection()
    headers: dict[str, Any] = {"Authorization": place.authorization("writer")}
    connection.request("POST", "/", "SELECT number FROM numbers(3000000) FORMAT TSV", headers)
    answer = connection.getresponse()
    lines = answer.read(1 << 20).count(b"\n")
    time.sleep(0.5)
    while piece := answer.read(1 << 20):
        lines += piece.count(b"\n")
    connection.close()

    assert lines == 3_000_000
