"""MLflow's page: a door of a few megabytes, and the real server behind it from the first request on.

The server takes ten seconds to start and some 270 MB, and most days nobody looks at it. So `./segue up` opens only the
door, on the standard library alone: the first request starts the server, who waits meanwhile is told so by a page that
reloads itself, bytes are then passed on both ways, and half an hour after the last byte the server ends.

    python -m cli.mlflow --port N                the door
    python -m cli.mlflow --port N --server M     becomes the server behind it
    python -m cli.mlflow --reconcile             sets the alias `live`, should somebody have been killed before it
"""

import argparse
import asyncio
import signal
import socket
import sys
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from embedded.child import Child
    from foundation.settings import Settings

HOST = "127.0.0.1"
IDLE = 30 * 60.0  # seconds without a byte after which the server ends
READY_WITHIN = 120.0
STOP_WITHIN = 8.0
SETTLED = 5.0  # seconds after which the alias is looked at: until then the platform is still starting
LARGEST_HEAD = 64 * 1024
CHUNK = 64 * 1024
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="{again}"><title>MLflow</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;color:#333}}</style></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""
STARTING = (2, "MLflow is starting", "This takes about ten seconds. The page reloads itself.")
FAILED = (
    15,
    "MLflow did not start",
    "What went wrong is in its log: ./segue logs mlflow. It is tried again.",
)


def mlflow_child(settings: "Settings", port: int) -> "Child":
    """The door on `port`; it is ready once it can be knocked at, which starts nothing yet."""
    from embedded.child import Child, Stage
    from foundation.settings import REPOSITORY, child_environment

    def healthy() -> bool:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=2):
            return True
        return False

    return Child(
        name="mlflow",
        argv=(sys.executable, "-m", "cli.mlflow", "--port", str(port)),
        env=child_environment(settings),
        cwd=REPOSITORY,
        healthy=healthy,
        stage=Stage.SERVICES,
        stop_within=timedelta(seconds=STOP_WITHIN + 4),
    )


class Server:
    """The real MLflow: started when wanted, asked whether it answers, ended."""

    def __init__(self, door: int) -> None:
        self._door = door
        self._process: asyncio.subprocess.Process | None = None
        self._starting: asyncio.Task[None] | None = None
        self.port: int | None = None  # where it answers
        self.has_failed = False  # at the last try

    def want(self) -> None:
        """Have it running soon."""
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())

    @property
    def is_up(self) -> bool:
        """Whether it answers on `port`."""
        return self.port is not None and self._process is not None and self._process.returncode is None

    async def stop(self) -> None:
        """End it, by force when it takes too long."""
        self.port = None
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_WITHIN)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _start(self) -> None:
        port = _free_port()
        words = ("-m", "cli.mlflow", "--port", str(self._door), "--server", str(port))
        self._process = process = await asyncio.create_subprocess_exec(sys.executable, *words)
        try:
            await asyncio.wait_for(_answering(process, port), READY_WITHIN)
        except TimeoutError:
            process.kill()
            await process.wait()
        self.has_failed = process.returncode is not None
        self.port = None if self.has_failed else port


class Door:
    """Takes connections for the server, and starts it for the first that says something."""

    def __init__(self, server: Server, idle: float = IDLE) -> None:
        self._server, self._idle = server, idle
        self._used_at = 0.0

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
            self._used()
            if self._server.is_up:
                await self._pass_on(head, reader, writer)
            else:
                writer.write(page(*(FAILED if self._server.has_failed else STARTING)))
                self._server.want()
                await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def close_when_idle(self) -> None:
        """End the server whenever nobody has used it for long."""
        while True:
            await asyncio.sleep(min(self._idle / 4, 60))
            if self._server.is_up and asyncio.get_running_loop().time() - self._used_at > self._idle:
                print("MLflow has been idle, and ends until somebody asks for it", flush=True)
                await self._server.stop()

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection(HOST, self._server.port)
        requests.write(head)
        ways = [
            asyncio.create_task(self._copy(reader, requests)),
            asyncio.create_task(self._copy(answers, writer)),
        ]
        # An answer that ends, ends the connection; a client may be silent and still wait for its answer.
        await asyncio.wait([ways[1]])
        ways[0].cancel()
        await asyncio.wait(ways)
        requests.close()

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await source.read(CHUNK):
                self._used()
                target.write(chunk)
                await target.drain()
            if target.can_write_eof():
                target.write_eof()

    def _used(self) -> None:
        self._used_at = asyncio.get_running_loop().time()


def page(again: int, title: str, text: str) -> bytes:
    """A whole answer that says what is going on, and asks to come again in so many seconds.

    >>> page(2, "MLflow is starting", "Wait.").splitlines()[0]
    b'HTTP/1.1 503 Service Unavailable'
    """
    body = PAGE.format(again=again, title=title, text=text).encode()
    head = (
        "HTTP/1.1 503 Service Unavailable\r\n"
        f"Refresh: {again}\r\nRetry-After: {again}\r\nCache-Control: no-store\r\nConnection: close\r\n"
        f"Content-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def open_door(port: int, *, idle: float = IDLE) -> None:
    """Take connections until SIGTERM or SIGINT, then end what was started."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    server = Server(port)
    door = Door(server, idle)
    listening = await asyncio.start_server(door.greet, HOST, port, limit=LARGEST_HEAD)
    beside = [asyncio.create_task(door.close_when_idle()), asyncio.create_task(_reconcile_later())]
    await ended.wait()
    listening.close()
    for task in beside:
        task.cancel()
    await server.stop()


async def _reconcile_later() -> None:
    """Look at the alias once, in a process that ends with it: it loads what the door must not."""
    await asyncio.sleep(SETTLED)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "cli.mlflow", "--reconcile")
    try:
        await process.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.terminate()
        raise


def reconcile() -> int:
    """Set the alias `live` to what serves, should they differ; the exit status."""
    from foundation import settings
    from foundation.errors import Problem
    from pipelines import live
    from pipelines.context import open_context

    try:
        with open_context(settings.load()) as context:
            model = live.reconcile(context)
    except Problem as problem:
        print(f"the alias of the live model could not be looked at: {problem.detail}", flush=True)
        return 1
    if model is not None:
        print(f"the alias live is set to {model}, which serves", flush=True)
    return 0


def become_server(port: int, door: int) -> NoReturn:
    """Become MLflow's server, which ends with the door; or say in one line why that cannot be."""
    import os

    from embedded.wrapper import PR_SET_PDEATHSIG, prctl
    from foundation import settings
    from foundation.errors import Problem
    from models.registry import page_environment, prepare_database

    try:
        connected = settings.connected(settings.load())
        prepare_database(connected.engines.postgres)
    except Problem as problem:
        sys.exit(problem.detail)
    engines, hosts = connected.engines, [f"{name}:{door}" for name in _NAMES]
    environment = {
        **settings.child_environment(connected),
        **page_environment(engines.postgres, engines.blobs, hosts=hosts),
    }
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    words = ["--host", HOST, "--port", str(port), "--log-level", "warning", "mlflow.server.fastapi_app:app"]
    command = [sys.executable, "-W", "ignore", "-m", "uvicorn", *words]
    os.execve(sys.executable, command, environment)  # noqa: S606 - this process has nothing else to do


_NAMES = (HOST, "localhost", "[::1]")  # under which a browser may know the door


async def _answering(process: asyncio.subprocess.Process, port: int) -> None:
    """Return once it answers, or has ended."""
    ended = asyncio.create_task(process.wait())
    while not ended.done() and not await _is_healthy(port):
        await asyncio.wait([ended], timeout=0.2)
    ended.cancel()


async def _is_healthy(port: int) -> bool:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            answer = await reader.readline()
            writer.close()
            return b" 200 " in answer
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m cli.mlflow", description=__doc__)
    parser.add_argument("--port", type=int, help="where the door is")
    parser.add_argument("--server", type=int, help="become the server on this port")
    parser.add_argument("--idle", type=float, default=IDLE, help="seconds after which the server ends")
    parser.add_argument("--reconcile", action="store_true", help="set the alias of the live model, and end")
    asked = parser.parse_args()
    if asked.reconcile:
        return reconcile()
    if asked.port is None:
        parser.error("--port is needed")
    if asked.server is not None:
        become_server(asked.server, asked.port)
    asyncio.run(open_door(asked.port, idle=asked.idle))
    return 0


if __name__ == "__main__":
    sys.exit(main())
