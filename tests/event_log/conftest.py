"""A ClickHouse of their own for the tests of the log: they stop it, and kill it, without harm to others."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from foundation.engines.clickhouse import Client, open_clickhouse
from foundation.errors import Unreachable
from warehouse.migrate import migrate

PASSWORD = "only-for-tests"
TABLES = """
    SELECT arrayStringConcat(groupArray(name), ' ') FROM system.tables
    WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'schema_versions'
"""


@dataclass
class Server:
    """The embedded ClickHouse as a process that may be killed and started again on the same folder."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def url(self) -> str:
        return f"http://segue:{PASSWORD}@127.0.0.1:{self.port}/segue"

    def start(self) -> Client:
        passwords = {
            "SEGUE_CLICKHOUSE_WRITER_PASSWORD": PASSWORD,
            "SEGUE_CLICKHOUSE_READER_PASSWORD": PASSWORD,
        }
        command = [
            sys.executable,
            "-m",
            "embedded.clickhouse",
            "--path",
            str(self.folder),
            "--port",
            str(self.port),
        ]
        users = ["--writer", "segue", "--reader", "reader"]
        self.process = subprocess.Popen(
            [*command, *users], env={**os.environ, **passwords}, stdout=subprocess.DEVNULL
        )
        return self.client()

    def client(self) -> Client:
        """A client, as soon as the server answers."""
        for _ in range(300):
            try:
                return open_clickhouse(self.url)
            except Unreachable:
                time.sleep(0.1)
        raise AssertionError("ClickHouse did not start within half a minute")

    def kill(self) -> None:
        self.end_by(signal.SIGKILL)

    def end_by(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Server(tmp_path_factory.mktemp("clickhouse") / "data", port)
    migrate(running.start())
    yield running
    running.end_by(signal.SIGTERM)


@pytest.fixture
def clickhouse(server: Server) -> Client:
    """A client of a ClickHouse whose tables are empty."""
    client = server.client() if server.process else server.start()
    for table in str(client.command(TABLES)).split():
        client.command(f"TRUNCATE TABLE {table}")
    return client
