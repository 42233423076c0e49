"""What a process says about itself while it works: log lines that name the request, and spans of a trace."""

import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

import orjson

from foundation.settings import Telemetry

Style = Literal["auto", "json", "plain"]
Facts = Mapping[str, str | int | float]

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
INCOMING: Final[ContextVar[str]] = ContextVar("incoming_traceparent", default="")

# Version 00 of W3C Trace Context: neither id may be all zeros.
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_DATE = "%Y-%m-%dT%H:%M:%S%z"


class Answering(Protocol):
    """The span of a request that is being answered."""

    def answered(self, route: str, status: int) -> None:
        """Say what became of it."""


class Tracing(Protocol):
    """What makes spans when they are wanted: `foundation.tracing` over OpenTelemetry."""

    def span(self, name: str, facts: Facts) -> AbstractContextManager[object]:
        """A stretch of work inside the present one."""

    def request(self, method: str, path: str, traceparent: str) -> AbstractContextManager[Answering]:
        """The answering of a request, inside the trace that the client names."""

    def delivery(
        self, name: str, facts: Facts, traceparents: Iterable[str]
    ) -> AbstractContextManager[object]:
        """Work on what several requests told: a part of their one trace, or linked to each of theirs."""

    def traceparent(self) -> str:
        """The present span for whoever goes on with it; "" outside of any."""

    def close(self) -> None:
        """Send what is left."""


class _State:
    """The tracing of this process: it has one exporter, as it has one log."""

    tracing: Tracing | None = None


_NOTHING = nullcontext()


def configure_telemetry(part: str, settings: Telemetry) -> None:
    """Start the log of this process, and its traces where an endpoint is set. Ends with `close_telemetry`."""
    configure_logging(part, style=settings.logs)
    configure_tracing(part, settings)


def configure_tracing(part: str, settings: Telemetry) -> None:
    """Make spans from now on, where somebody collects them."""
    if settings.otlp_endpoint:
        # Loaded only here: most processes trace nothing, and should not wait for the SDK and its exporter.
        from foundation.tracing import OpenTelemetry  # noqa: PLC0415 - see above

        _State.tracing = OpenTelemetry(part, settings.otlp_endpoint, settings.sampled)


def close_telemetry() -> None:
    """Send the spans that wait, and trace no more."""
    tracing, _State.tracing = _State.tracing, None
    if tracing is not None:
        tracing.close()


def tracing() -> Tracing | None:
    """What makes this process's spans; None where nobody wants them."""
    return _State.tracing


def span(name: str, facts: Facts | None = None) -> AbstractContextManager[object]:
    """The stretch of work inside the block, as a span of the present trace; nothing where nobody traces."""
    return _NOTHING if _State.tracing is None else _State.tracing.span(name, facts or {})


def delivery(name: str, facts: Facts, traceparents: Iterable[str]) -> AbstractContextManager[object]:
    """The same for work on what several requests told."""
    return _NOTHING if _State.tracing is None else _State.tracing.delivery(name, facts, traceparents)


def traceparent() -> str:
    """What an event carries so that others go on with its trace: the present span, else what the client sent."""
    return (_State.tracing.traceparent() if _State.tracing is not None else "") or INCOMING.get()


def checked_traceparent(header: str) -> str:
    """The header where it names a trace, else "".

    >>> checked_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    >>> checked_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01")
    ''
    """
    return header if _TRACEPARENT.fullmatch(header) else ""


def configure_logging(part: str, level: int = logging.INFO, *, style: Style = "plain") -> None:
    """Send the log of this process to stderr; the supervisor keeps it in `log/NAME.log`."""
    as_json = style == "json" or (style == "auto" and not sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(part) if as_json else PlainLines(part))
    logging.basicConfig(level=level, handlers=[handler], force=True)


class JsonLines(logging.Formatter):
    """One JSON object a line, for machines; `readable` makes a person's line of it."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "part": self._part,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := REQUEST_ID.get():
            line["request_id"] = request_id
        if trace := traceparent():
            line["trace_id"] = trace.split("-")[1]
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z).decode()


class PlainLines(logging.Formatter):
    """A line for a person: time, level, part, who speaks, what, and of which request."""

    def __init__(self, part: str) -> None:
        super().__init__(f"%(asctime)s %(levelname)s {part} %(name)s: %(message)s", _DATE)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is the base class's
        request_id = REQUEST_ID.get()
        return super().formatMessage(record) + (f" [{request_id}]" if request_id else "")


def readable(line: str) -> str:
    """A line of any log as a person reads it: what JsonLines wrote becomes plain, everything else stays.

    >>> readable('{"time":"2026-03-01T12:00:00Z","level":"INFO","part":"api","logger":"a.b","message":"up"}')
    '2026-03-01T12:00:00Z INFO api a.b: up'
    """
    if not line.startswith('{"time":'):
        return line
    try:
        told = json.loads(line)
        text = f"{told['time']} {told['level']} {told['part']} {told['logger']}: {told['message']}"
    except (ValueError, KeyError, TypeError):
        return line
    if "request_id" in told:
        text += f" [{told['request_id']}]"
    if "exception" in told:
        text += f"\n{told['exception']}"
    return text + ("\n" if line.endswith("\n") else "")
