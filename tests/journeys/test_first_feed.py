"""From an empty home to a personal feed, and what a listener, an analyst and an operator then find."""

import time
from collections.abc import Callable

import httpx
import polars as pl
import pytest

from foundation.clock import utc_now
from foundation.engines import clickhouse
from foundation.ids import new_play_id
from pipelines.catalog import JOBS
from tests.journeys.conftest import Platform

pytestmark = pytest.mark.slow


def soon(condition: Callable[[], bool], within: float = 10.0) -> bool:
    give_up = time.monotonic() + within
    while time.monotonic() < give_up:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_listener_gets_twenty_unheard_songs_with_reasons(platform: Platform) -> None:
    with platform.client("world:l0000001") as listener:
        feed = listener.get("/recommendations").json()

    heard = _heard(platform, feed["user_id"])
    served = [item["song_id"] for item in feed["items"]]
    assert len(set(served)) == 20
    assert not heard & set(served)
    assert feed["version"]
    assert feed["model"].startswith("als/")
    assert all(item["reason"]["text"] for item in feed["items"])


def test_a_play_is_counted_once_and_its_song_leaves_the_feed(platform: Platform) -> None:
    with platform.client("world:l0000002") as listener:
        first = listener.get("/recommendations").json()
        song = first["items"][0]["song_id"]
        play = {
            "play_id": str(new_play_id(utc_now())),
            "played_ms": 61_000,
            "slate_id": first["slate_id"],
            "position": 1,
        }

        answers = [listener.post(f"/songs/{song}/play", json=play) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [202, 202, 202]
        assert soon(lambda: _listens_of(platform, play["play_id"]) == 1)
        assert soon(lambda: song not in _songs(listener.get("/recommendations")))
        time.sleep(1)
        assert _listens_of(platform, play["play_id"]) == 1


def test_others_feeds_are_for_analysts(platform: Platform) -> None:
    with platform.client("world:l0000001") as me, platform.client("world:l0000001", "analyst") as analyst:
        other = me.get("/recommendations").json()["user_id"] + 1

        refused = me.get("/recommendations", params={"user_id": other})
        allowed = analyst.get("/recommendations", params={"user_id": other})
        unknown = analyst.get("/recommendations", params={"user_id": 10**12})

    assert (refused.status_code, allowed.status_code, unknown.status_code) == (403, 200, 404)
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/recommendations?limit=0", None, 422),
        ("GET", "/recommendations?limit=many", None, 422),
        ("GET", "/nothing", None, 404),
        ("DELETE", "/recommendations", None, 405),
        ("POST", "/songs/1/play", {"play_id": "no uuid"}, 422),
        ("POST", "/songs/999999999/play", {"play_id": "5f0c5a3e-6d52-4b7e-9b53-0d1c7f3a9b11"}, 404),
    ],
)
def test_bad_requests_are_refused_as_problems(
    platform: Platform, method: str, path: str, body: dict[str, str] | None, status: int
) -> None:
    with platform.client("world:l0000001") as listener:
        answer = listener.request(method, path, json=body)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


def test_without_a_token_or_with_a_false_one_there_is_no_feed(platform: Platform) -> None:
    with platform.client("world:l0000001") as listener:
        without = listener.get("/recommendations", headers={"Authorization": ""})
        forged = listener.get("/recommendations", headers={"Authorization": "Bearer e30.e30.e30"})

    assert (without.status_code, forged.status_code) == (401, 401)
    assert without.headers["www-authenticate"] == "Bearer"


def test_jobs_run_twice_change_nothing(platform: Platform) -> None:
    platform.segue("job", "--all")

    again = platform.segue("job", "--all")

    assert again.count("unchanged") == len(JOBS)


def test_everyone_gets_twenty_unheard_songs_in_one_file(platform: Platform) -> None:
    out = platform.home / "feeds.parquet"

    platform.segue("recommend", "--all", "--limit", "20", "--out", str(out))

    feeds = pl.read_parquet(out)
    assert feeds.columns == [
        "source",
        "external_user_id",
        "rank",
        "external_song_id",
        "song_id",
        "score",
        "reason",
    ]
    per_listener = feeds.group_by("external_user_id").agg(
        pl.len(), pl.col("song_id").n_unique().alias("songs")
    )
    assert per_listener.height == 120
    assert per_listener["len"].unique().to_list() == per_listener["songs"].unique().to_list() == [20]


def test_the_command_and_the_api_give_the_same_feed(platform: Platform) -> None:
    with platform.client("world:l0000003") as listener:
        before = listener.get("/recommendations")
        out = platform.segue("recommend", "--source", "world", "--external-id", "l0000003", "--json")
        after = listener.get("/recommendations")

    # What is drawn by chance is drawn anew each hour, which may have begun meanwhile.
    assert _songs(httpx.Response(200, text=out)) in (_songs(before), _songs(after))


def test_status_and_logs_tell_what_runs(platform: Platform) -> None:
    status = platform.segue("status")

    assert all(part in status for part in ("postgres", "redis", "clickhouse", "shipper", "api"))
    assert platform.segue("logs", "shipper")
    assert "there is no log" in platform.segue("logs", "nobody", status=1)


def test_the_openapi_page_needs_no_other_host(platform: Platform) -> None:
    with platform.client("world:l0000001") as listener:
        page = listener.get(str(listener.base_url).removesuffix("/api/v1/") + "/docs")

    assert page.status_code == 200
    assert "https://" not in page.text


def _songs(answer: httpx.Response) -> list[int]:
    return [item["song_id"] for item in answer.json()["items"]]


def _heard(platform: Platform, listener: int) -> set[int]:
    client = clickhouse.open_clickhouse_reader(platform.settings.engines.clickhouse_reader)
    rows = client.query(
        "SELECT DISTINCT song_id FROM listens WHERE listener_id = {listener:UInt64}", {"listener": listener}
    ).result_rows
    return {song for (song,) in rows}


def _listens_of(platform: Platform, play_id: str) -> int:
    client = clickhouse.open_clickhouse_reader(platform.settings.engines.clickhouse_reader)
    return int(client.command("SELECT count() FROM listens WHERE play_id = {play:UUID}", {"play": play_id}))
