"""Budgets as clients meet them: headers that tell the state, and a 429 that says when to come back."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.gateway.conftest import gateway_in, token_of

pytestmark = pytest.mark.anyio

BUDGETS = {"free": 5, "premium": 8, "address": 3, "plays": 7, "window": 3600}


@pytest.fixture
async def client(
    tmp_path: Path, urls: dict[str, str], own_redis: tuple[str, object]
) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway_in(tmp_path, urls | {"redis": own_redis[0]}, limits=BUDGETS) as (_, client):
        yield client


async def statuses(client: httpx.AsyncClient, times: int, headers: dict[str, str]) -> list[int]:
    return [(await client.get("/api/v1/songs/1", headers=headers)).status_code for _ in range(times)]


async def test_each_tier_has_its_budget_and_each_listener_their_own(client: httpx.AsyncClient) -> None:
    free = await statuses(client, 7, token_of(1))
    other = await statuses(client, 1, token_of(2))
    premium = await statuses(client, 10, token_of(3, "premium"))
    nobody = await statuses(client, 5, {})
    forged = await statuses(client, 1, {"Authorization": "Bearer forged"})

    assert free == [200] * 5 + [429] * 2
    assert other == [200]
    assert premium == [200] * 8 + [429] * 2
    assert nobody == [200] * 3 + [429] * 2
    assert forged == [429]


async def test_plays_are_paid_from_a_budget_of_their_own(client: httpx.AsyncClient) -> None:
    browsing = await statuses(client, 6, token_of(1))
    plays = [
        (
            await client.post("/api/v1/songs/1/play", json={"play_id": str(uuid4())}, headers=token_of(1))
        ).status_code
        for _ in range(8)
    ]

    assert browsing[-1] == 429
    assert plays == [202] * 7 + [429]


async def test_a_refusal_says_which_budget_is_spent_and_when_to_come_back(client: httpx.AsyncClient) -> None:
    told = await client.get("/api/v1/songs/1", headers=token_of(1))
    await statuses(client, 4, token_of(1))
    refused = await client.get("/api/v1/songs/1", headers=token_of(1))

    assert told.headers["ratelimit-policy"] == '"free";q=5;w=3600'
    assert told.headers["ratelimit"].startswith('"free";r=4;t=')
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["policy"]) == (429, "too-many-requests", "free")
    assert refused.headers["retry-after"] == str(problem["retry_after"])
    assert 0 < problem["retry_after"] <= 3600
    assert refused.headers["ratelimit"].startswith('"free";r=0;t=')
    assert refused.headers["x-content-type-options"] == "nosniff"


async def test_watching_the_service_costs_nothing(client: httpx.AsyncClient) -> None:
    answers = [(await client.get(path)).status_code for path in ["/health/live", "/metrics", "/docs"] * 5]

    assert answers == [200] * 15


async def test_limits_may_be_turned_off(tmp_path: Path, urls: dict[str, str]) -> None:
    async with gateway_in(tmp_path, urls, limits=BUDGETS | {"enabled": False}) as (_, client):
        answers = [await client.get("/api/v1/songs/1") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert "ratelimit" not in answers[0].headers
