"""Spans by OpenTelemetry, sent to a collector by OTLP over HTTP; loaded only where an endpoint is set."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags

from foundation.errors import Problem

Facts = Mapping[str, str | int | float]
MOST_LINKS = 128  # what a collector keeps of one span
SEND_WITHIN = 2.0  # seconds that a process which ends waits for the collector


class Answered:
    """The span of a request, told at its end what the route and the answer were."""

    def __init__(self, span: Span, method: str) -> None:
        self._span, self._method = span, method

    def answered(self, route: str, status: int) -> None:
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attribute("http.route", route)
        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)


class OpenTelemetry:
    """The spans of this process. Names of attributes are those of OpenTelemetry's semantic conventions."""

    def __init__(self, part: str, endpoint: str, sampled: float) -> None:
        """`endpoint` is the collector's address; without a path it is OTLP's own, /v1/traces."""
        if urlsplit(endpoint).path in ("", "/"):
            endpoint = f"{endpoint.rstrip('/')}/v1/traces"
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(sampled)),
            resource=Resource({"service.name": f"segue-{part}", "service.namespace": "segue"}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=SEND_WITHIN)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self._tracer = self._provider.get_tracer("segue")

    @contextmanager
    def span(self, name: str, facts: Facts) -> Iterator[Span]:
        with _current(self._tracer.start_span(name, attributes=dict(facts))) as span:
            yield span

    @contextmanager
    def request(self, method: str, path: str, traceparent: str) -> Iterator[Answered]:
        span = self._tracer.start_span(
            method,
            context=_following(traceparent),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "url.path": path},
        )
        with _current(span):
            yield Answered(span, method)

    @contextmanager
    def delivery(self, name: str, facts: Facts, traceparents: Iterable[str]) -> Iterator[Span]:
        parents = list(dict.fromkeys(traceparents))
        span = self._tracer.start_span(
            name,
            context=_following(parents[0] if len(parents) == 1 else ""),
            kind=SpanKind.CONSUMER,
            attributes=dict(facts),
            links=[Link(_context(parent)) for parent in parents[:MOST_LINKS]] if len(parents) > 1 else None,
        )
        with _current(span):
            yield span

    def traceparent(self) -> str:
        here = trace.get_current_span().get_span_context()
        if not here.is_valid:
            return ""
        return f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}"

    def close(self) -> None:
        self._provider.shutdown()


@contextmanager
def _current(span: Span) -> Iterator[Span]:
    """The span, as the present one inside the block. A refusal that the caller can act on is no error of ours."""
    token = context.attach(trace.set_span_in_context(span))
    try:
        yield span
    except Exception as error:
        if not isinstance(error, Problem) or error.status >= 500:
            span.record_exception(error)
            span.set_status(StatusCode.ERROR, str(error))
        raise
    finally:
        span.end()
        context.detach(token)


def _following(traceparent: str) -> context.Context:
    """The context of a span that goes on with that trace, or begins one."""
    if not traceparent:
        return context.Context()
    return trace.set_span_in_context(NonRecordingSpan(_context(traceparent)), context.Context())


def _context(traceparent: str) -> SpanContext:
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
