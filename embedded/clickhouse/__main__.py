"""Starts the server: python -m embedded.clickhouse --path DIR --host 127.0.0.1 --port N --writer USER --reader USER."""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvicorn

from embedded.clickhouse.engine import READER_SECONDS, Engine
from embedded.clickhouse.errors import ClickHouseError
from embedded.clickhouse.request import Users
from embedded.clickhouse.server import Front

WRITER_PASSWORD = "SEGUE_CLICKHOUSE_WRITER_PASSWORD"  # noqa: S105 -- names of variables
READER_PASSWORD = "SEGUE_CLICKHOUSE_READER_PASSWORD"  # noqa: S105
MEMORY_SHARE = 0.4  # of the machine's memory: other engines live here, too
MEMORY_LEAST = 1 << 30


class _Server(uvicorn.Server):
    """Ends the queries as soon as it is asked to end, rather than when it has waited for their clients."""

    def __init__(self, config: uvicorn.Config, front: Front) -> None:
        super().__init__(config)
        self._front = front

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(self._front.end_queries())
            both.create_task(super().shutdown(sockets))


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serves until SIGTERM or Ctrl-C; 0 when it ended as asked."""
    options = _parser().parse_args(arguments)
    missing = [name for name in (WRITER_PASSWORD, READER_PASSWORD) if not environment.get(name)]
    if missing:
        return _failed(f"set {' and '.join(missing)}: passwords do not belong on a command line")
    users = Users(options.writer, options.reader, environment[WRITER_PASSWORD], environment[READER_PASSWORD])
    try:
        listener = _bound(options.host, options.port)
    except OSError as error:
        return _failed(f"cannot listen on {options.host}:{options.port}: {error.strerror}")
    max_memory = options.max_memory or max(MEMORY_LEAST, int(_memory() * MEMORY_SHARE))
    try:
        engine = Engine(
            options.path,
            max_memory=max_memory,
            database=options.database,
            reader_seconds=options.reader_seconds,
        )
    except ClickHouseError as error:
        return _failed(f"cannot open {options.path} (is another server on it?): {error.message}")
    except (OSError, ValueError) as error:
        return _failed(f"cannot open {options.path}: {error}")
    front = Front(engine, users)
    config = uvicorn.Config(
        front,
        http="httptools",
        loop="uvloop",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=300,  # a client's pooled connection must not be closed under its next request
        timeout_graceful_shutdown=4,
    )
    # an answer that fails after its beginning has no end, on purpose: not an error of the server
    logging.getLogger("uvicorn.error").addFilter(lambda told: "without completing" not in told.getMessage())
    print(f"ClickHouse {engine.version} at {options.host}:{options.port}, {max_memory >> 20} MiB", flush=True)
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(
            asked, lambda *_: None
        )  # uvicorn takes them while it serves, and raises them again afterwards
    _Server(config, front).run(sockets=[listener])
    if not front.is_idle:  # a thread is stuck in the engine: what was acknowledged is on disk, so leave it
        os._exit(0)
    engine.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m embedded.clickhouse", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="the engine's folder")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--writer", required=True, help="the user who may do everything")
    parser.add_argument("--reader", required=True, help="the user who may only read")
    parser.add_argument("--database", default="segue", help="made at the start")
    parser.add_argument(
        "--max-memory", type=int, default=0, help=f"bytes; default {MEMORY_SHARE:.0%} of the machine's"
    )
    parser.add_argument(
        "--reader-seconds", type=int, default=READER_SECONDS, help="that one question of the reader may take"
    )
    return parser


def _failed(reason: str) -> int:
    print(f"clickhouse: {reason}", file=sys.stderr, flush=True)
    return 1


def _bound(host: str, port: int) -> socket.socket:
    """The address is taken before the engine opens, but nobody can connect until it has."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


def _memory() -> int:
    """What this process may use: the machine's memory, or its control group's share of it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):
        return memory


if __name__ == "__main__":
    # allow: environment because passwords do not belong on a command line
    sys.exit(main(sys.argv[1:], os.environ))
