"""What is held of listeners is what Redis would tell: a change drops it, and so does not hearing of changes."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from feature_store.definitions import MIXES, RECENT_SONGS
from feature_store.held import HeldListeners
from feature_store.online import PREFIXES, Lately, ListenersOnline
from foundation.engines.redis import open_redis_async
from foundation.engines.redis_changes import HOLDS, Changes
from foundation.ids import UserId
from tests.serving.conftest import own_redis

__all__ = ["own_redis"]

ONE, OTHER = UserId(7), UserId(8)
LATELY = Lately(is_known=True, state=1)
OwnRedis = tuple[str, "subprocess.Popen[bytes]"]


def held_of(*listeners: UserId) -> HeldListeners[Lately]:
    held: HeldListeners[Lately] = HeldListeners(lambda: True)
    for listener in listeners:
        held.hold(listener, held.ask(listener), LATELY)
    return held


def test_a_change_drops_what_is_held_of_its_listener_alone() -> None:
    held = held_of(ONE, OTHER)

    held.changed([RECENT_SONGS.key(ONE).encode()])

    assert (held.of(ONE), held.of(OTHER)) == (None, LATELY)


def test_a_change_that_nobody_knows_more_of_drops_everything() -> None:
    held = held_of(ONE, OTHER)

    held.changed(None)

    assert (held.of(ONE), held.of(OTHER)) == (None, None)


def test_an_answer_that_was_overtaken_by_a_change_is_not_held() -> None:
    held: HeldListeners[Lately] = HeldListeners(lambda: True)
    mark = held.ask(ONE)

    held.changed([RECENT_SONGS.key(ONE).encode()])
    held.hold(ONE, mark, LATELY)

    assert held.of(ONE) is None


def test_nothing_is_held_of_who_was_not_answered() -> None:
    held: HeldListeners[Lately] = HeldListeners(lambda: True)

    held.hold(ONE, held.ask(ONE), None)

    assert held.of(ONE) is None


def test_of_too_many_those_go_that_nobody_asked_for_longest() -> None:
    held: HeldListeners[Lately] = HeldListeners(lambda: True, most=2)
    for listener in (ONE, OTHER):
        held.hold(listener, held.ask(listener), LATELY)
    held.of(ONE)

    held.hold(UserId(9), held.ask(UserId(9)), LATELY)

    assert [held.of(each) is not None for each in (ONE, OTHER, UserId(9))] == [True, False, True]


async def heard(changes: Changes) -> None:
    for _ in range(500):
        if changes.are_heard:
            return
        await asyncio.sleep(0.01)
    pytest.fail("changes are not heard")


@asynccontextmanager
async def following(url: str) -> AsyncIterator[tuple[ListenersOnline, Changes]]:
    held: HeldListeners[Lately] = HeldListeners()
    stop = asyncio.Event()
    changes = Changes(url, PREFIXES, held.changed)
    held.are_changes_heard = lambda: changes.are_heard
    redis = open_redis_async(url)
    task = asyncio.create_task(changes.follow(stop))
    await heard(changes)
    try:
        yield ListenersOnline(redis, held), changes
    finally:
        stop.set()
        await task
        await redis.aclose()


@pytest.mark.anyio
async def test_what_redis_told_is_held_until_it_changes(own_redis: OwnRedis) -> None:
    async with following(own_redis[0]) as (online, _):
        lately = await online.of(ONE)
        await online.redis.set(MIXES.key(ONE), "[]")
        await asyncio.sleep(2 * HOLDS)
        held = online.held.of(ONE)
        await online.redis.zadd(RECENT_SONGS.key(ONE), {"5": 1})
        await asyncio.sleep(0.2)
        dropped = online.held.of(ONE)
        again = await online.of(ONE)

    assert held is lately
    assert dropped is None
    assert again.song_ids == (5,)


@pytest.mark.anyio
async def test_without_redis_nothing_is_held(own_redis: OwnRedis) -> None:
    url, server = own_redis
    async with following(url) as (online, changes):
        await online.of(ONE)
        held = online.held.of(ONE)
        server.kill()
        server.wait()
        await asyncio.sleep(0.2)

        assert held is not None
        assert online.held.of(ONE) is None
        assert not changes.are_heard


@pytest.mark.anyio
async def test_who_hears_nothing_for_a_moment_trusts_nothing(own_redis: OwnRedis) -> None:
    now = [0.0]
    changes = Changes(own_redis[0], PREFIXES, lambda _: None, seconds=lambda: now[0])
    stop = asyncio.Event()
    task = asyncio.create_task(changes.follow(stop))
    await heard(changes)

    now[0] += 2 * HOLDS
    is_trusted = changes.are_heard
    await heard(changes)
    stop.set()
    await task

    assert not is_trusted
