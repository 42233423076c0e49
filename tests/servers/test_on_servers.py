"""From empty servers to a feed that a play changes: the journey of a listener, with nothing changed but URLs."""

import time

import psycopg
import pytest

from foundation.clock import utc_now
from foundation.engines.blobs import open_blobs
from foundation.engines.clickhouse import open_clickhouse_reader
from foundation.engines.redis import open_redis
from foundation.ids import new_play_id
from pipelines.catalog import JOBS
from tests.journeys.test_first_feed import soon
from tests.servers.conftest import OnServers, suite
from tests.servers.servers import Servers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LISTENER = "world:l0000002"


def test_only_what_has_no_url_is_started_here(platform: OnServers) -> None:
    status = platform.segue("status")

    assert all(part in status for part in ("clickhouse", "shipper", "api"))
    assert not any(part in status for part in ("postgres", "redis"))
    assert not any((platform.home / part).exists() for part in ("postgres", "redis", "blobs"))


def test_the_servers_hold_what_the_laptop_would(platform: OnServers) -> None:
    with psycopg.connect(platform.servers.postgres) as db:
        songs = db.execute("SELECT count(*) FROM songs").fetchone()
        databases = {name for (name,) in db.execute("SELECT datname FROM pg_database")}
    with open_redis(platform.servers.redis) as cache:
        kept = cache.dbsize()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in platform.environment.items():
            if name.startswith("AWS_"):
                environment.setenv(name, value)
        blobs = open_blobs(platform.servers.blobs).keys()

    assert songs == (400,)
    assert "segue_mlflow" in databases
    assert kept > 120
    assert {key.split("/")[0] for key in blobs} >= {"bundles", "interactions", "mlflow"}


def test_a_play_changes_the_feed_within_seconds(platform: OnServers) -> None:
    with platform.client(LISTENER) as listener:
        before = listener.get("/recommendations").json()
        play = {"play_id": str(new_play_id(utc_now())), "played_ms": 61_000}
        song = before["items"][0]["song_id"]

        answer = listener.post(f"/songs/{song}/play", json=play)
        changed = soon(
            lambda: song not in [item["song_id"] for item in listener.get("/recommendations").json()["items"]]
        )

    assert before["model"].startswith("als/")
    assert len(before["items"]) == 20
    assert answer.status_code == 202
    assert changed
    assert soon(lambda: listens_of(platform, play["play_id"]) == 1)


def test_jobs_take_in_what_was_played_and_run_twice_change_nothing(platform: OnServers) -> None:
    first = platform.segue("job", "--all")
    again = platform.segue("job", "--all")

    assert "now live" in first
    assert again.count("unchanged") == len(JOBS)


def test_models_and_recommendations_answer_on_the_command_line(platform: OnServers) -> None:
    models = platform.segue("models", "list")
    feed = platform.segue("recommend", "--source", "world", "--external-id", "l0000003", "--json")

    assert "als/1" in models
    assert '"reason"' in feed


def test_after_down_the_feed_is_the_same_and_verbs_start_what_they_need(platform: OnServers) -> None:
    leave_the_hour_time(90)  # each hour draws anew what a feed explores
    before = feed_of(platform)
    platform.segue("down")

    alone = platform.segue("recommend", "--source", "world", "--external-id", "l0000003", "--json")
    platform.segue("up", "--detach", "--port", "0")
    assert '"reason"' in alone
    assert soon(
        lambda: feed_of(platform) == before, within=30
    )  # a process that has begun counts its charts first


def test_the_blob_suite_passes_on_s3(servers: Servers) -> None:
    name, secret = servers.keys
    said = suite(
        "tests/engines/blobs",
        TEST_S3_URL=servers.blobs.replace("/platform?", "/suite?"),
        AWS_ACCESS_KEY_ID=name,
        AWS_SECRET_ACCESS_KEY=secret,
    )

    assert "skipped" not in said


def leave_the_hour_time(seconds: int) -> None:
    """Wait for the next hour where this one has fewer seconds left."""
    left = 3600 - time.time() % 3600
    if left < seconds:
        time.sleep(left)


def feed_of(platform: OnServers) -> list[int]:
    with platform.client(LISTENER) as listener:
        return [item["song_id"] for item in listener.get("/recommendations").json()["items"]]


def listens_of(platform: OnServers, play_id: str) -> int:
    with open_clickhouse_reader(platform.settings.engines.clickhouse_reader) as client:
        return int(
            str(client.command("SELECT count() FROM listens WHERE play_id = {play:UUID}", {"play": play_id}))
        )
