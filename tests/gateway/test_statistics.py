"""Statistics over HTTP: everyone sees their own, a page that is loaded again costs nothing, and what is asked amiss is refused."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import SystemRandom
from typing import Any

import httpx
import pytest

from foundation.clock import utc_now
from foundation.engines.clickhouse import open_clickhouse
from tests.gateway.conftest import gateway_in, token_of
from tests.serving.statistics.world import Listen, Town
from warehouse.migrate import migrate

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ONE, OTHER = (SystemRandom().randrange(10**12, 10**13) for _ in range(2))


@pytest.fixture
async def client(tmp_path: Path, urls: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway_in(tmp_path, urls) as (_, client):
        yield client


@pytest.fixture
def heard(urls: dict[str, str]) -> Town:
    """One listened three times to a song, the other once to another."""
    writer = open_clickhouse(urls["clickhouse"])
    migrate(writer)
    town = Town(writer, urls["clickhouse_reader"])
    now = utc_now() - timedelta(minutes=2)
    town.add_listens([*(Listen(ONE, 8_000_001, now) for _ in range(3)), Listen(OTHER, 8_000_002, now)])
    return town


async def statistics(client: httpx.AsyncClient, listener: int, **asked: Any) -> dict[str, Any]:
    answer = await client.get("/api/v1/me/statistics", params=asked, headers=token_of(listener))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_everyone_sees_their_own_and_again_the_same_answer(
    client: httpx.AsyncClient, heard: Town
) -> None:
    one = await statistics(client, ONE, range="all_time")
    other = await statistics(client, OTHER, range="all_time")
    heard.add_listens([Listen(ONE, 8_000_003, utc_now() - timedelta(minutes=1))])
    again = await statistics(client, ONE, range="all_time")
    as_of_now = await statistics(client, ONE, range="all_time", as_of=utc_now().isoformat())

    assert [song["song_id"] for song in one["top_songs"]] == [8_000_001]
    assert (one["user_id"], one["listens"], other["user_id"], other["listens"]) == (ONE, 3, OTHER, 1)
    assert again == one
    assert as_of_now["listens"] == 4


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"range": "yesteryear"}, "invalid-request"),
        ({"tz": "Atlantis"}, "unknown-time-zone"),
        ({"tz": "../../etc/passwd"}, "unknown-time-zone"),
        ({"as_of": "2026-03-01T12:00:00"}, "invalid-request"),
        ({"limit": "0"}, "invalid-request"),
    ],
)
async def test_what_is_asked_amiss_is_refused(
    client: httpx.AsyncClient, asked: dict[str, str], code: str
) -> None:
    answer = await client.get("/api/v1/me/statistics", params=asked, headers=token_of(ONE))

    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize("path", ["/me/statistics", "/analytics/activity?from=2026-01-01&to=2026-01-02"])
async def test_nobody_is_told_nothing(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/api/v1{path}")

    assert answer.status_code == 401


async def test_statistics_are_paid_from_the_budget_of_costly_requests(
    client: httpx.AsyncClient, heard: Town
) -> None:
    answer = await client.get("/api/v1/me/statistics", headers=token_of(ONE))

    assert '"costly"' in answer.headers["ratelimit-policy"]


@pytest.mark.parametrize("as_of", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_a_moment_out_of_all_time_has_an_answer(
    client: httpx.AsyncClient, heard: Town, as_of: str
) -> None:
    told = await statistics(client, ONE, range="all_time", as_of=as_of)

    assert told["listens"] >= 0


async def test_without_the_warehouse_they_are_away_for_a_while(tmp_path: Path, urls: dict[str, str]) -> None:
    away = urls | {"clickhouse_reader": "http://reader:x@127.0.0.1:9/segue"}
    async with gateway_in(tmp_path, away) as (_, client):
        answer = await client.get("/api/v1/me/statistics", headers=token_of(OTHER), params={"limit": 7})

    assert (answer.status_code, answer.json()["code"]) == (503, "unreachable")
