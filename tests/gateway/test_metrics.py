"""The page that Prometheus reads: the agreed names, over all processes, and nothing of the dead in the present."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from foundation.settings import REPOSITORY
from tests.gateway.conftest import Gateway, StartGateway, gateway_in, token_of

AGREED = {
    "http_requests_total": {"method", "endpoint", "status"},
    "http_request_duration_seconds": set[str](),
    "songs_streamed_total": set[str](),
    "song_upload_errors_total": set[str](),
    "active_streams_current": set[str](),
    "db_query_duration_seconds": {"query_type"},
    "db_connection_pool_size": set[str](),
    "db_connection_pool_max": set[str](),
    "cache_hit_rate": {"cache_type"},
}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(page: str) -> Samples:
    """Every sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def value(page: str, name: str, **labels: str) -> float | None:
    return samples(page).get((name, frozenset(labels.items())))


@pytest.mark.anyio
async def test_the_page_has_the_agreed_names_and_labels(tmp_path: Path, urls: dict[str, str]) -> None:
    async with gateway_in(tmp_path, urls) as (_, client):
        await client.get("/api/v1/songs/1")
        for _ in range(4):
            play = {"play_id": str(uuid4())}
            await client.post("/api/v1/songs/2/play", json=play, headers=token_of(1))
        answer = await client.get("/metrics")

    told: dict[str, set[str]] = {}
    for name, labels in samples(answer.text):
        whole = name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
        told.setdefault(whole, set()).update(label for label, _ in labels if label != "le")
    assert answer.headers["content-type"].startswith("text/plain")
    assert {name: told.get(name) for name in AGREED} == AGREED
    assert value(answer.text, "cache_hit_rate", cache_type="song_lengths") is not None
    assert (value(answer.text, "db_query_duration_seconds_count", query_type="select") or 0) > 0
    assert value(answer.text, "event_log_segments") == 0


@pytest.mark.anyio
async def test_what_waits_in_the_log_is_told_even_where_nobody_ships(
    tmp_path: Path, urls: dict[str, str]
) -> None:
    async with gateway_in(tmp_path, urls, event_log={"segment_age": 0.05}) as (_, client):
        await client.post("/api/v1/songs/1/play", json={"play_id": str(uuid4())}, headers=token_of(1))
        give_up = time.monotonic() + 10
        page = ""
        while value(page, "event_log_segments") != 1:
            assert time.monotonic() < give_up
            page = (await client.get("/metrics")).text

    assert value(page, "event_log_oldest_segment_age_seconds") is not None


@pytest.mark.slow
def test_the_shippers_metrics_are_on_the_page_and_its_present_ends_with_it(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = start_gateway(workers=1)
    ready = tmp_path / "shipper.ready"
    shipper = subprocess.Popen(
        [sys.executable, "-m", "cli.shipper", "--ready", str(ready)],
        cwd=REPOSITORY,
        env=gateway.environment,
        stderr=subprocess.DEVNULL,
    )
    with gateway.client(1) as client:
        client.post("/api/v1/songs/1/play", json={"play_id": str(uuid4())})

    sinks = [{"sink": "clickhouse"}, {"sink": "recent_songs"}]
    try:
        until_page(
            gateway,
            lambda page: all(value(page, "event_log_segments_shipped_total", **sink) for sink in sinks),
        )
        while_it_runs = page_of(gateway)
    finally:
        shipper.kill()
        shipper.wait()
    afterwards = page_of(gateway)

    for sink in sinks:
        assert value(while_it_runs, "event_log_lag_segments", **sink) is not None
        assert value(while_it_runs, "event_log_lag_seconds", **sink) is not None
        assert value(afterwards, "event_log_lag_segments", **sink) is None
        assert value(afterwards, "event_log_segments_shipped_total", **sink) is not None
    assert value(afterwards, "play_events_acknowledged_total", kind="start") == 1


def page_of(gateway: Gateway) -> str:
    return httpx.get(f"{gateway.address}/metrics", timeout=20).text


def until_page(gateway: Gateway, tells: Callable[[str], bool]) -> None:
    give_up = time.monotonic() + 60
    while not tells(page_of(gateway)):
        assert time.monotonic() < give_up
        time.sleep(0.2)
