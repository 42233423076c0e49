"""The server's protocol asks the application before it makes a task, and only where the answer could be written."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from foundation.http.whole import HttpProtocol, Write

pytestmark = pytest.mark.anyio

ASK = b"GET /songs/1 HTTP/1.1\r\nHost: segue\r\n"


class Wire(asyncio.Transport):
    """What a client would read."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.written += b"<closed>"

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Songs:
    """Answers a song at once, or as all applications do; or fails at it."""

    def __init__(self, *, is_failing: bool = False) -> None:
        self.is_failing = is_failing
        self.asked: list[str] = []

    def at_once(self, scope: MutableMapping[str, Any], write: Write, *, knows_address: bool) -> bool:
        self.asked.append("at once")
        if self.is_failing:
            raise RuntimeError("nobody expected this")
        write(200, (b"content-length: 1\r\n", b"\r\n", b"1"))
        return True

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        self.asked.append("in a task")
        headers = [(b"content-length", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"2"})


async def told(songs: Songs, request: bytes) -> bytes:
    """What is written for a request; it may take a turn of the loop."""
    state, wire = ServerState(), Wire()
    protocol = HttpProtocol(Config(songs, lifespan="off", log_config=None), state, {})
    protocol.connection_made(wire)
    protocol.data_received(request)
    await asyncio.gather(*state.tasks)
    protocol.connection_lost(None)
    return wire.written


async def test_what_memory_holds_is_answered_without_a_task() -> None:
    songs = Songs()

    written = await told(songs, ASK + b"\r\n")

    assert songs.asked == ["at once"]
    assert written == b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1<closed>"


@pytest.mark.parametrize(
    "request_",
    [
        ASK + b"Connection: close\r\n\r\n",
        b"GET /songs/1 HTTP/1.0\r\n\r\n",
        ASK.replace(b"GET", b"HEAD") + b"\r\n",
    ],
)
async def test_where_it_could_not_be_written_the_application_is_not_asked_first(request_: bytes) -> None:
    songs = Songs()

    await told(songs, request_)

    assert songs.asked == ["in a task"]


async def test_a_failure_there_is_no_bad_request(caplog: pytest.LogCaptureFixture) -> None:
    songs = Songs(is_failing=True)

    written = await told(songs, ASK + b"\r\n")

    assert songs.asked == ["at once", "in a task"]
    assert b"\r\n\r\n2" in written
    assert "GET /songs/1 is answered the ordinary way" in caplog.text
