"""Health tells which store is away, readiness whether this worker can serve, liveness only that it answers."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.gateway.conftest import gateway_in

pytestmark = pytest.mark.anyio

NOWHERE = "http://reader:secret@127.0.0.1:9/segue"  # nothing listens on the discard port
EVERYTHING = ("database", "cache", "warehouse", "storage", "event_log", "vectors")


async def test_a_healthy_platform_names_everything_it_stands_on(tmp_path: Path, urls: dict[str, str]) -> None:
    async with gateway_in(tmp_path, urls) as (_, client):
        answers = {path: await client.get(path) for path in ("/health", "/health/ready", "/health/live")}

    assert {path: answer.status_code for path, answer in answers.items()} == {
        "/health": 200,
        "/health/ready": 200,
        "/health/live": 200,
    }
    assert answers["/health"].json() == {"status": "healthy"} | dict.fromkeys(EVERYTHING, True)
    assert answers["/health"].headers["cache-control"] == "no-store"


async def test_a_stopped_redis_is_named_and_the_process_lives_on(
    tmp_path: Path, urls: dict[str, str], own_redis: "tuple[str, subprocess.Popen[bytes]]"
) -> None:
    url, server = own_redis
    async with gateway_in(tmp_path, urls | {"redis": url}) as (_, client):
        server.kill()
        server.wait()
        health, ready, live = [
            await client.get(path) for path in ("/health", "/health/ready", "/health/live")
        ]

    assert (health.status_code, health.json()["status"], health.json()["down"]) == (
        503,
        "unhealthy",
        ["cache"],
    )
    assert (health.json()["cache"], health.json()["database"]) == (False, True)
    assert (ready.status_code, live.status_code) == (200, 200)


async def test_a_warehouse_that_does_not_answer_is_named(tmp_path: Path, urls: dict[str, str]) -> None:
    async with gateway_in(tmp_path, urls | {"clickhouse_reader": NOWHERE}) as (_, client):
        health = await client.get("/health")

    assert (health.status_code, health.json()["down"]) == (503, ["warehouse"])
    assert "127.0.0.1" not in health.text


async def test_a_log_that_cannot_be_written_makes_the_worker_unready(
    tmp_path: Path, urls: dict[str, str]
) -> None:
    async with gateway_in(tmp_path, urls) as (_, client):
        shutil.rmtree(tmp_path / "event_log")
        health, ready = await client.get("/health"), await client.get("/health/ready")

    assert (health.status_code, health.json()["down"]) == (503, ["event_log"])
    assert (ready.status_code, ready.json()) == (503, {"status": "not ready", "down": ["event_log"]})


async def test_a_version_that_cannot_be_loaded_makes_the_worker_unready(
    tmp_path: Path, urls: dict[str, str]
) -> None:
    async with gateway_in(tmp_path, urls) as (app, client):
        app.state.live.failure = "the bundle is damaged"
        ready = await client.get("/health/ready")
        told = ready.json()

    assert (ready.status_code, told["down"]) == (503, ["vectors"])
    assert "damaged" not in ready.text
