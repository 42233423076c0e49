"""The servers the suite runs on, and plain HTTP to them."""

import base64
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

REPOSITORY = Path(__file__).resolve().parents[3]
WRITER, READER = ("writer", "w-Secret/1"), ("reader", "r-Secret/2")


@dataclass(frozen=True)
class Said:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def code(self) -> int:
        return int(self.headers.get("x-clickhouse-exception-code", 0))


@dataclass(frozen=True)
class Place:
    """Where a server listens, with its users and the database of this run."""

    url: str
    reader_url: str | None
    is_embedded: bool

    def ask(
        self,
        body: bytes | str | None = None,
        *,
        user: str = "writer",
        method: str = "POST",
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        **params: str,
    ) -> Said:
        """One request without any client's help."""
        connection, sent = self.connection(user), dict(headers or {})
        if user and "Authorization" not in sent:  # an empty one is none
            sent["Authorization"] = self.authorization(user)
        query = urlencode({"database": self.database, **params})
        data = body.encode() if isinstance(body, str) else body
        try:
            sent = {name: value for name, value in sent.items() if value}
            connection.request(method, f"{path}{'&' if '?' in path else '?'}{query}", data, sent)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Said(answer.status, told, answer.read())
        finally:
            connection.close()

    def connection(self, user: str = "writer") -> http.client.HTTPConnection:
        parts = urlsplit(self._url_of(user))
        assert parts.hostname
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)

    def authorization(self, user: str) -> str:
        name, password = credentials(self._url_of(user))
        return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()

    @property
    def database(self) -> str:
        return urlsplit(self.url).path.strip("/")

    def _url_of(self, user: str) -> str:
        return (self.reader_url or "") if user == "reader" else self.url


def credentials(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return unquote(parts.username or "default"), unquote(parts.password or "")


def with_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """The embedded server as a process of its own, on a folder that outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> Place:
        def url(user: tuple[str, str]) -> str:
            return f"http://{user[0]}:{quote(user[1], safe='')}@127.0.0.1:{self.port}/segue"

        return Place(url(WRITER), url(READER), is_embedded=True)

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def start(self, *more: str) -> float:
        """Starts it and waits until it answers; gives how long that took."""
        begun = time.monotonic()
        command = [sys.executable, "-m", "embedded.clickhouse", "--path", os.fspath(self.folder)]
        command += ["--port", str(self.port), "--writer", WRITER[0], "--reader", READER[0], *more]
        passwords = {
            "SEGUE_CLICKHOUSE_WRITER_PASSWORD": WRITER[1],
            "SEGUE_CLICKHOUSE_READER_PASSWORD": READER[1],
        }
        self.process = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | passwords)
        while time.monotonic() < begun + 60:
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}"
            try:
                if self.place.ask(path="/ping", method="GET", user="writer").body == b"Ok.\n":
                    return time.monotonic() - begun
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the server did not start within a minute")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(how)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()
