"""A trace goes from the client through the API and its log to every sink, and comes out at a collector."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from event_log.opening import open_log
from event_log.reading import closed, events_of
from event_log.shipper import Shipper
from foundation import telemetry
from foundation.contracts.events import Event, PlaybackEvent
from foundation.settings import Settings, Telemetry
from tests.event_log.plays import make_play
from tests.gateway.collector import Collector, collecting
from tests.gateway.conftest import gateway_in, token_of

pytestmark = pytest.mark.anyio

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"


class Store:
    """A sink that takes everything, or nothing."""

    def __init__(self, name: str, *, is_down: bool = False) -> None:
        self.name, self.is_down = name, is_down

    def apply(self, segment_id: str, events: Sequence[Event]) -> None:
        if self.is_down:
            raise ConnectionError("away")


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector, while this process traces everything to it."""
    with collecting() as collector:
        telemetry.configure_tracing("api", Telemetry(otlp_endpoint=collector.address))
        yield collector
        telemetry.close_telemetry()


async def test_a_play_continues_its_clients_trace_into_every_sink(
    tmp_path: Path, urls: dict[str, str], collector: Collector
) -> None:
    headers = token_of(1) | {"traceparent": TRACEPARENT}
    async with gateway_in(tmp_path, urls) as (_, client):
        answer = await client.post("/api/v1/songs/1/play", json={"play_id": str(uuid4())}, headers=headers)
    (segment,) = closed(tmp_path / "event_log").values()
    (told,) = events_of(segment)
    Shipper(tmp_path / "event_log", [Store("clickhouse"), Store("redis")]).ship()
    telemetry.close_telemetry()

    assert answer.status_code == 202
    (request,) = collector.named("POST /api/v1/songs/{song_id}/play")
    assert (request.trace_id, request.parent_id, request.facts["http.response.status_code"]) == (
        TRACE,
        CALLER,
        "202",
    )
    for name in ("validate_user", "fetch_song_metadata", "append_event"):
        (inside,) = collector.named(name)
        assert (inside.trace_id, inside.parent_id) == (TRACE, request.span_id), name
    assert isinstance(told, PlaybackEvent)
    assert told.traceparent == f"00-{TRACE}-{request.span_id}-01"
    shipped = collector.named("ship_segment", TRACE)
    assert {span.facts["sink"] for span in shipped} == {"clickhouse", "redis"}
    assert {span.parent_id for span in shipped} == {request.span_id}
    assert [len(collector.named(f"apply_{sink}", TRACE)) for sink in ("clickhouse", "redis")] == [1, 1]
    assert collector.paths == {"/v1/traces"}


async def test_a_refusal_is_no_error_of_ours_and_a_fault_is(
    tmp_path: Path, urls: dict[str, str], collector: Collector
) -> None:
    async with gateway_in(tmp_path, urls) as (app, client):
        app.state.live = None
        missing = await client.get("/api/v1/songs/99")
        failed = await client.get("/api/v1/recommendations", headers=token_of(1))
    telemetry.close_telemetry()

    (refused,) = collector.named("GET /api/v1/songs/{song_id}")
    (fault,) = collector.named("GET /api/v1/recommendations")
    (recommending,) = collector.named("recommend")
    assert (missing.status_code, failed.status_code) == (404, 500)
    assert (refused.is_error, fault.is_error, recommending.is_error) == (False, True, True)
    assert recommending.parent_id == fault.span_id


def test_a_segment_of_several_traces_is_linked_to_each(tmp_path: Path, collector: Collector) -> None:
    other = "00-aaaabbbbccccddddeeeeffff00001111-1111222233334444-01"
    settings = Settings(SEGUE_HOME=tmp_path)
    log = open_log(settings, "api")
    log.append_now([make_play(traceparent=TRACEPARENT), make_play(traceparent=other), make_play()])
    log.close()

    Shipper(settings.log_dir, [Store("redis")]).ship()
    telemetry.close_telemetry()

    (shipped,) = collector.named("ship_segment")
    assert shipped.links == (TRACE, other.split("-")[1])
    assert shipped.facts["events"] == "3"


def test_a_sink_that_is_down_shows_in_its_span(tmp_path: Path, collector: Collector) -> None:
    settings = Settings(SEGUE_HOME=tmp_path)
    log = open_log(settings, "api")
    log.append_now([make_play(traceparent=TRACEPARENT)])
    log.close()

    Shipper(settings.log_dir, [Store("redis", is_down=True)]).ship()
    telemetry.close_telemetry()

    (shipped,) = collector.named("apply_redis", TRACE)
    assert shipped.is_error


async def test_without_a_collector_an_event_carries_what_the_client_sent(
    tmp_path: Path, urls: dict[str, str]
) -> None:
    async with gateway_in(tmp_path, urls) as (_, client):
        for extra in ({"traceparent": TRACEPARENT}, {"traceparent": "nonsense"}, {}):
            await client.post(
                "/api/v1/songs/1/play", json={"play_id": str(uuid4())}, headers=token_of(1) | extra
            )

    told = [event for path in closed(tmp_path / "event_log").values() for event in events_of(path)]
    assert [event.traceparent for event in told if isinstance(event, PlaybackEvent)] == [TRACEPARENT, "", ""]


def test_a_collector_that_is_away_costs_nothing_but_its_spans(tmp_path: Path) -> None:
    telemetry.configure_tracing("test", Telemetry(otlp_endpoint="http://127.0.0.1:9"))

    with telemetry.span("work"):
        passed_on = telemetry.traceparent()
    telemetry.close_telemetry()

    assert len(passed_on) == 55
