"""A collector of traces: takes what OTLP sends over HTTP, and tells the spans."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One span, as it came over the wire."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]  # traces
    facts: dict[str, str]
    is_error: bool


@dataclass
class Collector:
    """What has come so far."""

    address: str
    spans: list[Seen] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)

    def named(self, name: str, trace_id: str = "") -> list[Seen]:
        return [seen for seen in self.spans if seen.name == name and trace_id in ("", seen.trace_id)]

    def wait_for(self, enough: Callable[[], bool], seconds: float = 10) -> None:
        give_up = time.monotonic() + seconds
        while not enough():
            assert time.monotonic() < give_up, [seen.name for seen in self.spans]
            time.sleep(0.02)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a port of its own, until the block ends."""
    collector = Collector("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest()
            request.ParseFromString(self.rfile.read(int(self.headers["content-length"])))
            collector.paths.add(self.path)
            collector.spans += _seen(request)
            body = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield collector
        server.shutdown()
        thread.join()


def _seen(request: ExportTraceServiceRequest) -> Iterator[Seen]:
    for resource in request.resource_spans:
        service = _facts(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Seen(
                    service,
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    tuple(link.trace_id.hex() for link in span.links),
                    _facts(span.attributes),
                    span.status.code == 2,
                )


def _facts(attributes: object) -> dict[str, str]:
    told = {}
    for each in attributes:  # type: ignore[attr-defined]
        value = each.value
        told[each.key] = str(getattr(value, value.WhichOneof("value")))
    return told
