"""The server's protocol asks the application before it makes a task, and only where the answer could be written."""

import asyncio
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from foundation.http.whole import HttpProtocol, Parts, Reply

pytestmark = pytest.mark.anyio

ASK = b"GET /songs/1 HTTP/1.1\r\nHost: segue\r\n"
TELL = b"POST /songs/1/play HTTP/1.1\r\nHost: segue\r\nContent-Length: 4\r\n\r\n"


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
        self.taken: list[tuple[bytes, Reply]] = []

    def biggest_taken(self, scope: MutableMapping[str, Any]) -> int:
        return 8 if scope["path"] == "/songs/1/play" else 0

    def take(self, scope: MutableMapping[str, Any], body: bytes, reply: Reply) -> bool:
        self.asked.append("to take")
        if self.is_failing:
            raise RuntimeError("nobody expected this")
        if body == b"long":
            return False
        self.taken.append((body, reply))
        return True

    def at_once(self, scope: MutableMapping[str, Any], *, knows_address: bool) -> tuple[int, Parts] | None:
        self.asked.append("at once")
        if self.is_failing:
            raise RuntimeError("nobody expected this")
        if scope["path"] != "/songs/1":
            return None
        return 200, (b"content-length: 1\r\n", b"\r\n", b"1")

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        self.asked.append("in a task")
        if scope["method"] == "POST":
            message = await receive()
            self.asked.append(message["body"].decode())
        headers = [(b"content-length", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"2"})


class Clock:
    """A loop whose time passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.create_task = asyncio.get_running_loop().create_task

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], None]) -> "Timer":
        self.timers.append((self.now + seconds, call))
        return Timer(self, self.timers[-1])

    def pass_until(self, now: float) -> None:
        while due := [timer for timer in self.timers if timer[0] <= now]:
            self.timers.remove(min(due, key=lambda timer: timer[0]))
            self.now = due[0][0]
            due[0][1]()
        self.now = now


@dataclass
class Timer:
    clock: Clock
    entry: tuple[float, Callable[[], None]]

    def cancel(self) -> None:
        self.clock.timers = [timer for timer in self.clock.timers if timer is not self.entry]


async def told(songs: Songs, request: bytes) -> bytes:
    """What is written for a request; it may take a turn of the loop."""
    state, wire = ServerState(), Wire()
    protocol = HttpProtocol(Config(songs, lifespan="off", log_config=None, ws="none"), state, {})
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
        ASK.replace(b"songs/1", b"songs/%31") + b"\r\n",
        ASK + b"Expect: 100-continue\r\n\r\n",
        ASK + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
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


async def test_what_it_has_not_comes_as_a_whole_request() -> None:
    songs = Songs()
    seen: list[MutableMapping[str, Any]] = []

    async def noting(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        seen.append(dict(scope))
        await songs(scope, receive, send)

    noting.at_once = songs.at_once  # type: ignore[attr-defined]
    written = await told(noting, b"GET /songs/%32?genre=pop HTTP/1.1\r\nHost: segue\r\n\r\n")

    assert b"\r\n\r\n2" in written
    told_of = {key: seen[0][key] for key in ("type", "method", "path", "query_string", "headers")}
    assert told_of == {
        "type": "http",
        "method": "GET",
        "path": "/songs/2",
        "query_string": b"genre=pop",
        "headers": [(b"host", b"segue")],
    }


async def test_behind_a_request_that_is_waited_for_nobody_is_answered_first() -> None:
    songs = Songs()
    slow = b"GET /songs/2 HTTP/1.1\r\nHost: segue\r\n\r\n"

    written = await told(songs, slow + ASK + b"\r\n" + slow)

    assert songs.asked == ["at once", *["in a task"] * 3]
    assert [part[:1] for part in written.split(b"\r\n\r\n")[1:]] == [b"2", b"2", b"2"]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_connection_that_rests_too_long_is_closed(at_once: bool) -> None:
    clock, state, wire = Clock(), ServerState(), Wire()
    config = Config(Songs(), lifespan="off", log_config=None, timeout_keep_alive=5)
    protocol = HttpProtocol(config, state, {}, clock)
    protocol.connection_made(wire)
    ask = ASK + b"\r\n" if at_once else ASK.replace(b"songs/1", b"songs/2") + b"\r\n"

    closed = []
    for now in (0.0, 4.0, 8.0):
        clock.pass_until(now)
        closed.append(b"<closed>" in wire.written)
        protocol.data_received(ask)
        await asyncio.gather(*state.tasks)
    waiting = len(clock.timers)
    protocol.data_received(ask[:20])  # a request that is coming is no rest
    clock.pass_until(20.0)
    closed.append(b"<closed>" in wire.written)
    protocol.data_received(ask[20:])
    await asyncio.gather(*state.tasks)
    clock.pass_until(24.9)
    closed.append(b"<closed>" in wire.written)
    clock.pass_until(25.0)

    assert closed == [False] * 5
    assert waiting == 1
    assert b"<closed>" in wire.written


class Talk:
    """A connection that stays."""

    def __init__(self, songs: Songs) -> None:
        self.songs, self.wire, self.state = songs, Wire(), ServerState()
        config = Config(songs, lifespan="off", log_config=None, ws="none")
        self.protocol = HttpProtocol(config, self.state, {})
        self.protocol.connection_made(self.wire)

    async def tell(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.protocol.data_received(piece)
        await asyncio.gather(*self.state.tasks)

    def reply(self, body: bytes = b"1") -> None:
        _, reply = self.songs.taken.pop(0)
        reply(202, (b"content-length: 1\r\n", b"\r\n", body))


async def test_a_short_body_is_taken_without_a_task_and_answered_when_it_is_done() -> None:
    talk = Talk(Songs())

    await talk.tell(TELL, b"so", b"ng")
    before, taken = talk.wire.written, [body for body, _ in talk.songs.taken]
    talk.reply()

    assert talk.songs.asked == ["to take"]
    assert (before, taken) == (b"", [b"song"])
    assert talk.wire.written == b"HTTP/1.1 202 Accepted\r\ncontent-length: 1\r\n\r\n1"
    assert talk.state.total_requests == 1


async def test_who_comes_behind_a_taken_request_is_answered_behind_it() -> None:
    talk = Talk(Songs())

    await talk.tell(TELL + b"song" + ASK + b"\r\n" + TELL + b"song")
    before = talk.wire.written
    talk.reply(b"0")
    await talk.tell()
    await talk.tell()

    assert before == b""
    assert talk.songs.asked == ["to take", "in a task", "in a task", "song"]
    assert [part[:1] for part in talk.wire.written.split(b"\r\n\r\n")[1:]] == [b"0", b"2", b"2"]


@pytest.mark.parametrize(
    ("request_", "asked"),
    [
        (TELL + b"long", ["to take", "in a task", "long"]),
        (TELL.replace(b": 4", b": 9") + b"very long", ["in a task", "very long"]),
        (
            TELL.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"4\r\nsong\r\n0\r\n\r\n",
            ["in a task", "song"],
        ),
        (TELL.replace(b"Host: segue", b"Connection: close") + b"song", ["in a task", "song"]),
        (TELL.replace(b"/play", b"/stop") + b"song", ["in a task", "song"]),
    ],
)
async def test_what_is_not_taken_comes_as_a_whole_request(request_: bytes, asked: list[str]) -> None:
    talk = Talk(Songs())

    await talk.tell(request_)

    assert talk.songs.asked == asked
    assert b"\r\n\r\n2" in talk.wire.written


async def test_a_failure_to_take_is_no_bad_request(caplog: pytest.LogCaptureFixture) -> None:
    talk = Talk(Songs(is_failing=True))

    await talk.tell(TELL + b"song")

    assert talk.songs.asked == ["to take", "in a task", "song"]
    assert b"\r\n\r\n2" in talk.wire.written
    assert "POST /songs/1/play is answered the ordinary way" in caplog.text


async def test_a_server_that_stops_answers_what_it_took_and_closes() -> None:
    talk = Talk(Songs())

    await talk.tell(TELL + b"so")
    talk.protocol.shutdown()
    await talk.tell(b"ng")
    before = talk.wire.written
    talk.reply()

    assert before == b""
    assert talk.wire.written == (
        b"HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 1\r\n\r\n1<closed>"
    )


async def test_a_server_that_stops_closes_also_behind_what_was_not_taken() -> None:
    talk = Talk(Songs())

    await talk.tell(TELL + b"lo")
    talk.protocol.shutdown()
    await talk.tell(b"ng")

    assert b"connection: close" in talk.wire.written
    assert talk.wire.written.endswith(b"2<closed>")


async def test_nobody_answers_a_client_that_has_gone() -> None:
    talk = Talk(Songs())

    await talk.tell(TELL + b"song")
    talk.wire.is_closing = lambda: True  # type: ignore[method-assign]
    talk.protocol.connection_lost(None)
    talk.reply()

    assert talk.wire.written == b"<closed>"


async def test_a_connection_that_is_lost_leaves_no_timer() -> None:
    clock, wire = Clock(), Wire()
    protocol = HttpProtocol(Config(Songs(), lifespan="off", log_config=None), ServerState(), {}, clock)
    protocol.connection_made(wire)
    protocol.data_received(ASK + b"\r\n")

    protocol.connection_lost(None)

    assert clock.timers == []
