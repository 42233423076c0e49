"""ClickHouse clients from a URL, the same for a server and for the embedded engine behind its HTTP interface."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
from clickhouse_connect.driver.external import ExternalData

from foundation.errors import Unconfigured, Unreachable

__all__ = [
    "DURABLE",
    "AsyncClient",
    "ClickHouseError",
    "Client",
    "ExternalData",
    "open_clickhouse",
    "open_clickhouse_async",
    "open_clickhouse_reader",
    "open_clickhouse_reader_async",
    "reachable",
    "sent_along",
]

# For the SETTINGS of a MergeTree table: an insert is on disk before it is acknowledged. They belong to tables, not to
# queries. The embedded engine has them for every table; a server only where CREATE TABLE says so.
DURABLE = "fsync_after_insert = 1, fsync_part_directory = 1"

CONNECT_TIMEOUT = 30  # seconds; it also limits how long a server may pause while it takes an insert's rows
ANSWER_TIMEOUT = 600  # seconds between two pieces of an answer: a rollup may take minutes
REQUEST_TIMEOUT = 10  # seconds an answer on the request path may take

# One INSERT is one block on disk and one deduplication token, whatever the server's own default is.
_WRITER = {"async_insert": 0}
# A reader has 2, and waits for a moment at each step of a query while any of these runs.
_FIRST = {"priority": 1}


def open_clickhouse(url: str, *, goes_first: bool = False) -> Client:
    """The writer's client, for jobs and the command line, and for the shipper, which goes before whoever reads.

    Threads may share it. Close it with `close()`.
    """
    settings = _WRITER | (_FIRST if goes_first else {})
    with reachable():
        return clickhouse_connect.get_client(**_arguments(url, ANSWER_TIMEOUT), settings=settings)


def open_clickhouse_reader(url: str) -> Client:
    """A client that sends no settings, as a user with readonly=1 may not change any; threads may share it."""
    with reachable():
        return clickhouse_connect.get_client(**_arguments(url, ANSWER_TIMEOUT))


async def open_clickhouse_async(url: str) -> AsyncClient:
    """The writer's client in an event loop. Close it with `await close()`."""
    with reachable():
        return await clickhouse_connect.get_async_client(
            **_arguments(url, ANSWER_TIMEOUT), settings=dict(_WRITER)
        )


async def open_clickhouse_reader_async(url: str, *, patience: int = REQUEST_TIMEOUT) -> AsyncClient:
    """The reader's client for the request path; with more `patience` (seconds) for what runs beside it. Close it with `await close()`."""
    with reachable():
        return await clickhouse_connect.get_async_client(**_arguments(url, patience))


def sent_along(name: str, structure: str, rows: bytes) -> ExternalData:
    """A table of this name that a query may read, of rows in RowBinary, sent along with it."""
    return ExternalData(file_name=name, data=rows, fmt="RowBinary", structure=structure)


@contextmanager
def reachable() -> Iterator[None]:
    """Turns an unreachable ClickHouse into Unreachable; what ClickHouse itself refuses stays a ClickHouseError."""
    try:
        yield
    except (OperationalError, OSError) as error:
        raise Unreachable(f"ClickHouse does not answer: {error}", engine="clickhouse") from error


def _arguments(url: str, timeout: int) -> Mapping[str, Any]:
    """What the client needs from `http://user:password@host:8123/database`; clickhouse:// means http://.

    >>> sorted(_arguments("clickhouse://segue:a%2Fb@db/music", 9).items())[:4]
    [('autogenerate_session_id', False), ('client_name', 'segue'), ('connect_timeout', 30), ('database', 'music')]
    """
    parts = urlsplit(url)
    interface = {"clickhouse": "http", "clickhouses": "https"}.get(parts.scheme, parts.scheme)
    if interface not in ("http", "https") or not parts.hostname:
        raise Unconfigured(f"not a ClickHouse URL: {parts.scheme}://…", engine="clickhouse")
    return {
        "interface": interface,
        "host": parts.hostname,
        "port": parts.port or (8443 if interface == "https" else 8123),
        "username": unquote(parts.username or "default"),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.strip("/")) or "default",
        "connect_timeout": CONNECT_TIMEOUT,
        "send_receive_timeout": timeout,
        # a session serves one query at a time: without one, a client serves many threads
        "autogenerate_session_id": False,
        "client_name": "segue",
    }
