"""Budgets are shared by all workers through Redis, exactly and mostly without asking it; without it they hold roughly."""

import asyncio
import secrets
import subprocess
import time

import pytest

from foundation import metrics
from foundation.engines.redis import open_redis_async
from foundation.http.rate_limit import Policy, RateLimits
from tests.conftest import Engines

pytestmark = pytest.mark.anyio

NOW = 1_772_366_400.0  # the beginning of a minute
NOWHERE = "redis://127.0.0.1:9"  # nothing listens on the discard port


def budget(limit: int) -> Policy:
    return Policy(f"test-{secrets.token_hex(4)}", limit, window=60)


def leases(kind: str) -> float:
    value = metrics.REGISTRY.get_sample_value("rate_limit_leases_total", {"kind": kind})
    return value or 0.0


async def test_two_workers_together_grant_what_the_limit_says(engines: Engines) -> None:
    redis = open_redis_async(engines.redis)
    workers = [RateLimits(redis, workers=2, seconds=lambda: NOW) for _ in range(2)]
    policy = budget(100)

    granted = [(await workers[turn % 2].take(policy, "7"))[0] for turn in range(200)]
    await redis.aclose()

    assert granted[:95] == [True] * 95
    assert 97 <= sum(granted) <= 100
    assert granted[100:] == [False] * 100


async def test_a_worker_asks_redis_once_for_a_tenth_of_a_window(engines: Engines) -> None:
    redis = open_redis_async(engines.redis)
    limits, policy = RateLimits(redis, workers=2, seconds=lambda: NOW), budget(1000)
    before = leases("shared")

    told = await asyncio.gather(*(limits.take(policy, "7") for _ in range(100)))
    await redis.aclose()

    assert leases("shared") - before == 1
    assert sorted((spent.left for spent in told), reverse=True) == list(range(999, 899, -1))


async def test_one_spends_nothing_of_another(engines: Engines) -> None:
    redis = open_redis_async(engines.redis)
    limits, policy = RateLimits(redis, workers=1, seconds=lambda: NOW), budget(3)

    ann = [(await limits.take(policy, "ann"))[0] for _ in range(4)]
    bob = [(await limits.take(policy, "bob"))[0] for _ in range(3)]
    await redis.aclose()

    assert (ann, bob) == ([True, True, True, False], [True, True, True])


async def test_a_new_window_begins_with_a_whole_budget(engines: Engines) -> None:
    redis, now = open_redis_async(engines.redis), [NOW + 59.5]
    limits, policy = RateLimits(redis, workers=1, seconds=lambda: now[0]), budget(2)

    before = [await limits.take(policy, "7") for _ in range(3)]
    now[0] = NOW + 60
    after = await limits.take(policy, "7")
    await redis.aclose()

    assert before == [(True, 1, 1), (True, 0, 1), (False, 0, 1)]
    assert after == (True, 1, 60)


async def test_while_redis_is_away_each_worker_grants_its_share() -> None:
    redis = open_redis_async(NOWHERE)
    workers = [RateLimits(redis, workers=2, seconds=lambda: NOW) for _ in range(2)]
    policy = budget(10)

    granted = [[(await worker.take(policy, "7"))[0] for _ in range(8)] for worker in workers]
    await redis.aclose()

    assert [sum(each) for each in granted] == [5, 5]


async def test_a_redis_that_stops_in_a_window_costs_at_most_the_limit_once_more(
    own_redis: "tuple[str, subprocess.Popen[bytes]]",
) -> None:
    url, server = own_redis
    redis = open_redis_async(url)
    limits, policy = RateLimits(redis, workers=2, seconds=lambda: NOW), budget(20)

    before = [(await limits.take(policy, "7"))[0] for _ in range(10)]
    server.kill()
    server.wait()
    begun_at = time.monotonic()
    after = [(await limits.take(policy, "7"))[0] for _ in range(50)]
    await redis.aclose()

    assert all(before)
    assert sum(after) == 10
    assert time.monotonic() - begun_at < 1


async def test_leases_take_no_more_than_the_room_there_is(engines: Engines) -> None:
    redis = open_redis_async(engines.redis)
    limits, policy = RateLimits(redis, workers=1, seconds=lambda: NOW, room=10), budget(1)

    for who in range(50):
        await limits.take(policy, str(who))
    again = await limits.take(policy, "0")
    await redis.aclose()

    assert len(limits._leases) == 10
    assert again[0] is False


async def test_a_window_is_kept_a_little_longer_than_it_lasts(engines: Engines) -> None:
    redis = open_redis_async(engines.redis)
    policy = budget(100)

    await RateLimits(redis, workers=1, seconds=lambda: NOW).take(policy, "7")
    (key,) = await redis.keys(f"limit:{policy.name}:*")
    kept = await redis.pttl(key)
    await redis.aclose()

    assert 60_000 < kept <= 65_000
