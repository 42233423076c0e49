"""Answers in one piece: a server that offers it takes status, headers and body as bytes, and writes them at once.

An application that has an answer in memory may give it before the server has made a task for the request; and one that
has all it needs for a short body may take it without a task, and answer when it likes.

An ordinary ASGI answer is two messages whose headers the server checks and joins one by one: with what every answer of
ours says, that costs as much as a third of a hot request. Where the offer is missing, or something stands in its way,
the two messages say the same.
"""

import asyncio
import logging
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any, Protocol, TypeAlias, cast

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

log = logging.getLogger(__name__)

Whole: TypeAlias = Callable[[int, bytes, bytes], bool]
"""Takes a status, lines of headers, each with its CRLF, and the body; False where the answer must go the ordinary way."""

Parts: TypeAlias = tuple[bytes, ...]
"""What follows the line of a status: lines of headers, an empty one, the body, in as many pieces as they are."""

Reply: TypeAlias = Callable[[int, Parts], None]
"""Takes a status and what follows its line, once; does nothing where the client has gone."""

SERVER = "segue.whole"  # the key in an ASGI scope of what the server offers; its headers are all that is sent
SIMPLE = {b"GET": "GET", b"POST": "POST"}
ANSWER = "segue.answer"  # the same, offered by the door: it adds what every answer says


class AtOnce(Protocol):
    """An application that may answer without being awaited."""

    def at_once(self, scope: MutableMapping[str, Any], *, knows_address: bool) -> tuple[int, Parts] | None:
        """A status and what follows its line; None where the request must come again, as every request does.

        Of a scope there is `method`, `path`, `query_string`, `headers` and `client`. Where the server does not know the client's own
        address, a proxy's stands there.
        """

    def biggest_taken(self, scope: MutableMapping[str, Any]) -> int:
        """Up to how many bytes of body `take` may be asked to take of such a request; 0 where it takes none."""

    def take(self, scope: MutableMapping[str, Any], body: bytes, reply: Reply) -> bool:
        """Begin what a whole request asks for, and reply later; False, before anything was begun, where it must come again."""


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which makes the offer.

    What is answered at once is answered as soon as its headers are read: uvicorn's scope, event, cycle and task, and a
    timer for each answer, cost more than such an answer does. All else is begun as if this were not here.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._knows_address = not isinstance(self.app, ProxyHeadersMiddleware)
        inside: Any = self.app if self._knows_address else self.app.app
        self._may_answer: AtOnce | None = None
        if hasattr(inside, "at_once") and not self.root_path and self.limit_concurrency is None:
            self._may_answer = inside
        self.cycle = ANSWERED  # nothing waits
        self._coming: _Taken | None = None  # a request whose body the application may take
        self._resting_since: float | None = None  # by the loop's clock; None while a request is under way

    def on_message_begin(self) -> None:
        if self._may_answer is None:
            super().on_message_begin()
            return
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        if self._may_answer is None:
            super().on_headers_complete()
            return
        scope = self._simple()
        if scope is not None and (
            self._is_answered(self._may_answer, scope) or self._is_coming(self._may_answer, scope)
        ):
            return
        self._begin_ordinarily()

    def _begin_ordinarily(self) -> None:
        url, headers, expected = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expected
        self.headers += headers
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._coming is None:
            super().on_body(body)
        else:
            self._coming.body += body

    def on_message_complete(self) -> None:
        coming, self._coming = self._coming, None
        if coming is None:
            super().on_message_complete()
            return
        if self._is_taken(coming):
            return
        self.cycle = ANSWERED
        self._begin_ordinarily()
        self.cycle.keep_alive = coming.keep_alive
        super().on_body(coming.body)
        super().on_message_complete()

    def _simple(self) -> MutableMapping[str, Any] | None:
        """The scope of a request that has nothing special, where no other waits before it."""
        parser = self.parser
        path, _, query = self.url.partition(b"?")
        if (
            not self.cycle.response_complete  # others are answered first
            or self.pipeline
            or parser.get_method() not in SIMPLE
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
            or self.expect_100_continue
            or self.flow.write_paused
            or b"%" in path
            or not path.isascii()
        ):
            return None
        method = SIMPLE[parser.get_method()]
        return {
            "method": method,
            "path": path.decode(),
            "query_string": query,
            "headers": self.headers,
            "client": self.client,
        }

    def _is_answered(self, application: AtOnce, scope: MutableMapping[str, Any]) -> bool:
        """Answer at once, where the application can."""
        if scope["method"] != "GET":
            return False
        try:
            answer = application.at_once(scope, knows_address=self._knows_address)
        except Exception:  # the parser, which calls this, would take a failure of ours for a bad request
            log.exception("GET %s is answered the ordinary way", scope["path"])
            return False
        if answer is None:
            return False
        self.cycle = ANSWERED
        self.server_state.total_requests += 1
        self._write(*answer)
        self._rest()
        return True

    def _is_coming(self, application: AtOnce, scope: MutableMapping[str, Any]) -> bool:
        """Wait for the body of a request that the application may take."""
        if scope["method"] != "POST" or not (biggest := application.biggest_taken(scope)):
            return False
        lengths = [value for name, value in self.headers if name == b"content-length"]
        if len(lengths) != 1 or not lengths[0].isdigit() or not 0 < int(lengths[0]) <= biggest:
            return False
        self._coming = _Taken(scope)
        self.cycle = cast("RequestResponseCycle", self._coming)
        return True

    def _is_taken(self, coming: "_Taken") -> bool:
        try:
            return self._may_answer is not None and self._may_answer.take(
                coming.scope, coming.body, partial(self._reply, coming)
            )
        except Exception:
            log.exception("POST %s is answered the ordinary way", coming.scope["path"])
            return False

    def _reply(self, taken: "_Taken", status: int, parts: Parts) -> None:
        taken.response_complete = True
        if self.transport.is_closing():
            return
        if taken.keep_alive:
            self._write(status, parts)
        else:  # the server stops
            self._write(status, (b"connection: close\r\n", *parts))
            self.transport.close()
        self.on_response_complete()

    def _write(self, status: int, parts: Parts) -> None:
        self.transport.write(b"".join((*_beginning(status, self.server_state.default_headers), *parts)))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope: MutableMapping[str, Any] = cycle.scope  # type: ignore[assignment]
        scope[SERVER] = partial(_answer, cycle)
        super()._start_asgi_task(cycle, app)

    # A connection at rest has one timer, which looks when it ends how long the rest has lasted: to make one for each
    # answer, and to cancel it with the next request, costs as much as the rest of an answer.

    def on_response_complete(self) -> None:
        """As uvicorn's, but for the timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._rest()

    def _rest(self) -> None:
        self._resting_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_in(self.timeout_keep_alive)

    def _look_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        self._resting_since = None

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._resting_since is None:  # the next answer begins another rest
            return
        left = self._resting_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._look_in(left)
        else:
            super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None


class _Answered:
    """What stands for the cycle of a request that was answered without one."""

    response_complete = True
    message_event = asyncio.Event()


ANSWERED: Any = _Answered()


class _Taken:
    """What stands for the cycle of a request that the application takes without a task."""

    message_event = asyncio.Event()  # nobody waits for it

    def __init__(self, scope: MutableMapping[str, Any]) -> None:
        self.scope, self.body = scope, b""
        self.response_complete = self.disconnected = False
        self.keep_alive = True


def _answer(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> bool:
    """Write the answer, where that may be done. The state afterwards is as after both messages of its `send`."""
    if (
        cycle.response_started
        or cycle.disconnected
        or cycle.flow.write_paused
        or not cycle.keep_alive
        or cycle.scope["method"] == "HEAD"
    ):
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"".join((*_beginning(status, cycle.default_headers), head, b"\r\n", body)))
    cycle.message_event.set()
    cycle.on_response()
    return True


def _beginning(status: int, headers: list[tuple[bytes, bytes]]) -> list[bytes]:
    """The first line, and what the server says of itself."""
    before = [STATUS_LINE[status]]
    for name, value in headers:
        before += (name, b": ", value, b"\r\n")
    return before


def lines_of(headers: list[tuple[bytes, bytes]]) -> bytes:
    """
    >>> lines_of([(b"etag", b"1"), (b"vary", b"accept")])
    b'etag: 1\\r\\nvary: accept\\r\\n'
    """
    return b"".join(b"%s: %s\r\n" % header for header in headers)
