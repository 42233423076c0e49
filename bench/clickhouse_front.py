"""What the HTTP front adds to the embedded ClickHouse engine: requests beside bare calls of chDB, in one run.

Run it as `python -m bench.clickhouse_front`. Read the ratios and the CPU times: wall times depend on the neighbours.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa

from embedded.clickhouse.engine import Engine
from embedded.ports import free_port
from foundation.engines.clickhouse import Client, open_clickhouse, open_clickhouse_reader
from foundation.errors import Unreachable

CREATE = "CREATE TABLE {} (a UInt64, b String) ENGINE = MergeTree ORDER BY a"
LONG = "SELECT number, number * 2, number % 7 FROM numbers(5000000)"


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(name: str, times: int, pid: int, run: Callable[[], object]) -> None:
    """Prints the median wall time and the CPU of the process that holds the engine, a run."""
    for _ in range(max(1, times // 10)):
        run()
    before, walls = cpu_of(pid), []
    for _ in range(times):
        begun = time.perf_counter()
        run()
        walls.append(time.perf_counter() - begun)
    cpu = (cpu_of(pid) - before) / times
    print(f"| {name} | {sorted(walls)[times // 2] * 1000:.2f} | {cpu * 1000:.2f} |", flush=True)


def arrow(rows: int) -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table({"a": pa.array(range(rows), pa.uint64()), "b": ["some text"] * rows})
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def bare(folder: Path, times: int) -> None:
    """The engine in this process."""
    engine, pid = Engine(folder, max_memory=4 << 30, database="segue"), os.getpid()

    def read(sql: str) -> int:
        connection = engine.connect("bench", database="segue", readonly=True)
        size = sum(len(piece) for piece, _ in connection.stream(sql.encode(), "Native"))
        connection.close()
        return size

    writer = engine.connect("writer", database="segue", readonly=False)
    measured("bare: connection, `SELECT 1`", times, pid, lambda: read("SELECT 1"))
    measured("bare: 5M rows, 85 MB", 5, pid, lambda: read(LONG))
    writer.query(CREATE.format("bare").encode())

    def insert(body: bytes) -> None:
        writer.insert(b"INSERT INTO bare", "ArrowStream", iter([body]))

    for rows in (100, 10_000, 100_000):
        measured(f"bare: insert {rows:,} rows of Arrow", 20, pid, partial(insert, arrow(rows)))
    writer.close()
    engine.close()


def front(folder: Path, times: int) -> None:
    """The engine behind HTTP, in a process of its own."""
    port = free_port(18_123)
    command = [sys.executable, "-m", "embedded.clickhouse", "--path", os.fspath(folder), "--port", str(port)]
    passwords = {"SEGUE_CLICKHOUSE_WRITER_PASSWORD": "w", "SEGUE_CLICKHOUSE_READER_PASSWORD": "r"}
    # allow: environment because the server of the measurement inherits it, as the real one does
    server = subprocess.Popen([*command, "--writer", "w", "--reader", "r"], env=os.environ | passwords)
    try:
        client = opened(f"http://w:w@127.0.0.1:{port}/segue")
        reader = open_clickhouse_reader(f"http://r:r@127.0.0.1:{port}/segue")
        measured("front: `SELECT 1`", times, server.pid, lambda: reader.query("SELECT 1").result_rows)
        measured("front: 5M rows, 85 MB", 5, server.pid, lambda: len(reader.raw_query(LONG, fmt="Native")))
        measured("front: 5M rows as Arrow", 5, server.pid, lambda: reader.query_arrow(LONG).num_rows)
        client.command(CREATE.format("front"))

        def insert(body: bytes) -> None:
            client.raw_insert("front", insert_block=body, fmt="ArrowStream")

        for rows in (100, 10_000, 100_000):
            measured(f"front: insert {rows:,} rows of Arrow", 20, server.pid, partial(insert, arrow(rows)))
        client.close()
        reader.close()
    finally:
        server.terminate()
        server.wait()


def opened(url: str) -> Client:
    """The writer's client, once the server has started."""
    for _ in range(200):
        try:
            return open_clickhouse(url)
        except Unreachable:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("| what | wall ms | engine CPU ms |\n|---|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        bare(Path(folder) / "bare", times)
        front(Path(folder) / "front", times)


if __name__ == "__main__":
    main()
