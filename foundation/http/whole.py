"""Answers in one piece: a server that offers it takes status, headers and body as bytes, and writes them at once.

An application that has an answer in memory may give it before the server has made a task for the request.

An ordinary ASGI answer is two messages whose headers the server checks and joins one by one: with what every answer of
ours says, that costs as much as a third of a hot request. Where the offer is missing, or something stands in its way,
the two messages say the same.
"""

import logging
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any, Protocol, TypeAlias

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

log = logging.getLogger(__name__)

Whole: TypeAlias = Callable[[int, bytes, bytes], bool]
"""Takes a status, lines of headers, each with its CRLF, and the body; False where the answer must go the ordinary way."""

Write: TypeAlias = Callable[[int, tuple[bytes, ...]], None]
"""Takes a status, and what follows its line: lines of headers, an empty one, the body, in as many pieces as they are."""

SERVER = "segue.whole"  # the key in an ASGI scope of what the server offers; its headers are all that is sent
ANSWER = "segue.answer"  # the same, offered by the door: it adds what every answer says


class AtOnce(Protocol):
    """An application that may answer without being awaited."""

    def at_once(self, scope: MutableMapping[str, Any], write: Write, *, knows_address: bool) -> bool:
        """Whether the request is answered, by one call of `write`; else it comes again, as every request does.

        Where the server does not know the client's own address, a proxy's stands in the scope.
        """


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which makes the offer."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._knows_address = not isinstance(self.app, ProxyHeadersMiddleware)
        inside: Any = self.app if self._knows_address else self.app.app
        self._at_once: AtOnce | None = inside if hasattr(inside, "at_once") else None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope: MutableMapping[str, Any] = cycle.scope  # type: ignore[assignment]
        # Of requests that wait behind each other only the last: each answer begins the next, one inside the other.
        if (
            self._at_once is not None
            and app is self.app
            and not self.pipeline
            and _takes_whole(cycle)
            and _answered(self._at_once, scope, partial(_write, cycle), knows_address=self._knows_address)
        ):
            return
        scope[SERVER] = partial(_answer, cycle)
        super()._start_asgi_task(cycle, app)


def _answered(at_once: AtOnce, scope: MutableMapping[str, Any], write: Write, *, knows_address: bool) -> bool:
    """What `at_once` says. It is called by the parser, which would take a failure of ours for a bad request."""
    try:
        return at_once.at_once(scope, write, knows_address=knows_address)
    except Exception:
        log.exception("%s %s is answered the ordinary way", scope["method"], scope["path"])
        return False


def _takes_whole(cycle: RequestResponseCycle) -> bool:
    """Whether an answer in one piece may be written now."""
    return (
        not cycle.response_started
        and not cycle.disconnected
        and not cycle.flow.write_paused
        and cycle.keep_alive
        and cycle.scope["method"] != "HEAD"
    )


def _answer(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> bool:
    """Write the answer, where that may be done."""
    if not _takes_whole(cycle):
        return False
    _write(cycle, status, (head, b"\r\n", body))
    return True


def _write(cycle: RequestResponseCycle, status: int, parts: tuple[bytes, ...]) -> None:
    """Write it. The state afterwards is as after both messages of RequestResponseCycle.send."""
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    before = [STATUS_LINE[status]]
    for name, value in cycle.default_headers:
        before += (name, b": ", value, b"\r\n")
    cycle.transport.write(b"".join((*before, *parts)))
    cycle.message_event.set()
    cycle.on_response()


def lines_of(headers: list[tuple[bytes, bytes]]) -> bytes:
    """
    >>> lines_of([(b"etag", b"1"), (b"vary", b"accept")])
    b'etag: 1\\r\\nvary: accept\\r\\n'
    """
    return b"".join(b"%s: %s\r\n" % header for header in headers)
