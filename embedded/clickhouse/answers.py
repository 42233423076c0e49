"""Answers over HTTP as ClickHouse writes them: headers, compression, and errors before or within the body."""

import asyncio
import json
import secrets
import string
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from embedded.clickhouse.channels import Pipe
from embedded.clickhouse.compression import Encoder, encoder, native_encoder
from embedded.clickhouse.engine import Stats
from embedded.clickhouse.errors import ClickHouseError
from embedded.clickhouse.request import Request
from embedded.clickhouse.work import Answer

__all__ = ["Answering", "Send", "say"]

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HELD = 1 << 20  # bytes held back before the status is settled, so that an early error still gets its own
_HELD_WAITING = 32 << 20  # the same where the client asks to wait for the end: so much memory, and no more
_SLOW = 300.0  # seconds a client may take for one piece
_SMALL = 512  # bytes not worth compressing at all
_INLINE = 1 << 16  # bytes worth compressing in the event loop rather than in a thread

_CONTENT_TYPES = {
    "arrow": "application/vnd.apache.arrow.file",
    "arrowstream": "application/vnd.apache.arrow.stream",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "csvwithnamesandtypes": "text/csv; charset=UTF-8; header=present",
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsonstrings": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "jsoncompacteachrow": "application/x-ndjson; charset=UTF-8",
    "native": "application/octet-stream",
    "parquet": "application/octet-stream",
    "rowbinary": "application/octet-stream",
    "rowbinarywithnamesandtypes": "application/octet-stream",
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tabseparatedwithnames": "text/tab-separated-values; charset=UTF-8",
    "tabseparatedwithnamesandtypes": "text/tab-separated-values; charset=UTF-8",
    "xml": "application/xml; charset=UTF-8",
}


async def say(send: Send, status: int, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> None:
    """A short plain answer."""
    told = [("content-type", "text/plain; charset=UTF-8"), *headers, ("content-length", str(len(body)))]
    await send({"type": "http.response.start", "status": status, "headers": _encoded(told)})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    safe = {ord(letter): " " for letter in "\r\n\0"}
    return [
        (name.encode(), value.translate(safe).encode("utf-8", "surrogateescape")) for name, value in headers
    ]


def _summary(stats: Stats) -> str:
    told = {
        "read_rows": stats.read_rows,
        "read_bytes": stats.read_bytes,
        "written_rows": stats.written_rows,
        "written_bytes": stats.written_bytes,
        "total_rows_to_read": "0",
        "result_rows": stats.result_rows or stats.written_rows,
        "result_bytes": stats.written_bytes,
        "elapsed_ns": int(stats.elapsed * 1e9),
    }
    return json.dumps({name: str(value) for name, value in told.items()}, separators=(",", ":"))


@dataclass(slots=True)
class Answering:
    """One answer on its way."""

    send: Send
    version: str
    timezone: str
    server: str
    request: Request
    tag: str = field(
        default_factory=lambda: "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
    )

    def _headers(self, format_: str | None, stats: Stats) -> list[tuple[str, str]]:
        kind = _CONTENT_TYPES.get(
            (format_ or "").lower().replace("tsv", "tabseparated"), "text/plain; charset=UTF-8"
        )
        headers = [
            ("content-type", kind),
            ("x-clickhouse-server-display-name", self.server),
            ("x-clickhouse-query-id", self.request.query_id),
            ("x-clickhouse-timezone", self.request.settings.get("session_timezone") or self.timezone),
            ("x-clickhouse-exception-tag", self.tag),
            ("x-clickhouse-summary", _summary(stats)),
        ]
        if format_ is not None:
            headers.append(("x-clickhouse-format", format_))
        return headers

    async def error(self, error: ClickHouseError) -> None:
        """The whole answer is an error."""
        headers = self._headers(None, Stats())[1:]
        headers += [("x-clickhouse-exception-code", str(error.code))]
        await say(self.send, error.status, f"{error.text(self.version)}\n".encode(errors="replace"), headers)

    async def all_at_once(self, answer: Answer, body: bytes) -> None:
        """The whole answer, known from the first byte to the last."""
        headers = self._headers(answer.format, answer.stats)
        worth_it = self.request.compress or len(body) >= _SMALL
        if worth_it and (to := self._encoder()) is not None:
            body = await _compressed(to, body) + to.end()
            headers += self._encoding()
        headers.append(("content-length", str(len(body))))
        await self.send({"type": "http.response.start", "status": 200, "headers": _encoded(headers)})
        await self.send({"type": "http.response.body", "body": body})

    async def streamed(self, format_: str, pipe: Pipe, rest: Awaitable[Answer]) -> None:
        """An answer that comes through a pipe; `rest` is what its thread gives, or raises, at the end."""
        held = bytearray()
        most = _HELD_WAITING if self.request.wait_end else _HELD
        while piece := await pipe.read():
            held += piece
            if len(held) > most:
                await self._long(format_, bytes(held), pipe, rest)
                return
        answer = await rest
        await self.all_at_once(answer, bytes(held) + answer.body)

    async def _long(self, format_: str, held: bytes, pipe: Pipe, rest: Awaitable[Answer]) -> None:
        """An answer too long to hold: its status is told before its end is known."""
        headers = self._headers(format_, Stats())
        to = self._encoder()
        if to is not None:
            headers += self._encoding()
        await self.send({"type": "http.response.start", "status": 200, "headers": _encoded(headers)})
        piece = held
        while piece:
            await self._piece(to, piece)
            piece = await pipe.read()
        try:
            answer = await rest
        except ClickHouseError as error:
            await self._piece(to, self._within(error), end=True)
            return  # without an end of the body: a client that knows no tags must not take it for whole
        await self._piece(to, answer.body)
        await self.send({"type": "http.response.body", "body": to.end() if to else b""})

    async def _piece(self, to: Encoder | None, data: bytes, *, end: bool = False) -> None:
        if to is not None:
            data = await _compressed(to, data) + (to.end() if end else b"")
        async with asyncio.timeout(_SLOW):
            await self.send({"type": "http.response.body", "body": data, "more_body": True})

    def _within(self, error: ClickHouseError) -> bytes:
        """An error after the beginning of the body, marked by the tag that the headers have announced."""
        text = error.text(self.version)[:16_000] + "\n"
        said = text.encode(errors="replace")
        tag = self.tag
        return b"\r\n".join(
            (b"", b"__exception__", tag.encode(), said + f"{len(said)} {tag}".encode(), b"__exception__", b"")
        )

    def _encoder(self) -> Encoder | None:
        if self.request.compress:
            return native_encoder()
        return encoder(self.request.encoding) if self.request.encoding else None

    def _encoding(self) -> list[tuple[str, str]]:
        encoding = self.request.encoding
        return [] if self.request.compress or encoding is None else [("content-encoding", encoding)]


async def _compressed(to: Encoder, data: bytes) -> bytes:
    return to.piece(data) if len(data) < _INLINE else await asyncio.to_thread(to.piece, data)
