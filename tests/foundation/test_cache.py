"""Encoded answers in two tiers: made once, given to all, and dropped when a write overtakes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from subprocess import Popen

import pytest

from foundation.cache import UNHEARD, Cache, Kind
from foundation.engines.redis import AsyncRedis, open_redis_async
from tests.serving.conftest import own_redis

__all__ = ["own_redis"]

pytestmark = pytest.mark.anyio
SONG = Kind("song", "song:{}:metadata", timedelta(hours=1))
KEY = SONG.key(1)


class Postgres:
    """Where answers are made: it says how often it was asked, and can be held up."""

    def __init__(self, row: bytes | None = b"old") -> None:
        self.row, self.asked = row, 0
        self.free = asyncio.Event()
        self.free.set()
        self.begun = asyncio.Event()

    async def __call__(self) -> bytes | None:
        self.asked += 1
        row = self.row
        self.begun.set()
        await self.free.wait()
        return row


@asynccontextmanager
async def processes(url: str, number: int = 1, room: int = 100) -> AsyncIterator[list[Cache]]:
    """Caches of as many processes, which hear of every write."""
    clients = [open_redis_async(url) for _ in range(number)]
    caches = [Cache(client, room=room, is_hearing=True) for client in clients]
    yield caches
    for each in [*caches]:
        await each.close()
    for client in clients:
        await client.aclose()


async def kept(client: AsyncRedis, key: str = KEY) -> bytes | None:
    return await client.get(key)  # type: ignore[return-value]


async def test_of_many_who_ask_at_once_in_two_processes_one_makes_the_answer(
    own_redis: tuple[str, "Popen[bytes]"],
) -> None:
    postgres = Postgres()
    async with processes(own_redis[0], 2) as (one, two):
        asking = [cache.of(SONG, KEY, postgres) for cache in (one, two) for _ in range(50)]

        answers = await asyncio.gather(*asking)

    assert postgres.asked == 1
    assert {answer.body for answer in answers if answer} == {b"old"}


async def test_an_answer_is_in_memory_and_then_in_redis(own_redis: tuple[str, "Popen[bytes]"]) -> None:
    postgres = Postgres()
    async with processes(own_redis[0]) as [cache]:
        await cache.of(SONG, KEY, postgres)
        held = cache.held(KEY)
        cache.clear()
        again = await cache.of(SONG, KEY, postgres)
        expires_in = await cache.redis.pttl(KEY)

    assert held is not None
    assert again is not None
    assert held.tag == again.tag
    assert postgres.asked == 1
    assert 0.9 * 3_600_000 - 5_000 <= expires_in <= 3_600_000


async def test_what_a_write_overtook_is_given_to_who_waited_and_kept_nowhere(
    own_redis: tuple[str, "Popen[bytes]"],
) -> None:
    postgres = Postgres()
    postgres.free.clear()
    async with processes(own_redis[0], 2) as (reader, writer):
        waiting = asyncio.create_task(reader.of(SONG, KEY, postgres))
        await postgres.begun.wait()
        postgres.row = b"new"
        await writer.drop([KEY])
        reader.forget([KEY])
        postgres.free.set()
        overtaken = await waiting
        shared = await kept(reader.redis)
        after = await reader.of(SONG, KEY, postgres)

    assert overtaken is not None
    assert after is not None
    assert (overtaken.body, shared, after.body) == (b"old", None, b"new")


async def test_what_is_not_there_is_known_not_to_be_for_a_while(
    own_redis: tuple[str, "Popen[bytes]"],
) -> None:
    postgres = Postgres(None)
    async with processes(own_redis[0]) as [cache]:
        first = await cache.of(SONG, KEY, postgres)
        second = await cache.of(SONG, KEY, postgres)
        cache.forget([KEY])
        postgres.row = b"new"
        third = await cache.of(SONG, KEY, postgres)

    assert (first, second) == (None, None)
    assert third is not None
    assert postgres.asked == 2


async def test_without_redis_answers_are_made_and_a_drop_is_made_up_for(
    own_redis: tuple[str, "Popen[bytes]"],
) -> None:
    url, server = own_redis
    postgres, now = Postgres(), [100.0]
    async with processes(url) as [cache]:
        cache.seconds = lambda: now[0]
        await cache.of(SONG, KEY, postgres)
        server.send_signal(19)  # SIGSTOP: it does not answer, and keeps what it has
        postgres.row = b"new"
        await cache.drop([KEY])
        away = await cache.of(SONG, KEY, postgres)
        server.send_signal(18)  # SIGCONT
        now[0] += 100
        back = await cache.of(SONG, KEY, postgres)
        shared = await kept(cache.redis)

    assert away is not None
    assert back is not None
    assert (away.body, back.body, shared) == (b"new", b"new", b"new")


async def test_who_hears_nothing_keeps_nothing_for_long(own_redis: tuple[str, "Popen[bytes]"]) -> None:
    postgres, now = Postgres(), [100.0]
    async with processes(own_redis[0]) as [cache]:
        cache.seconds = lambda: now[0]
        cache.end_hearing()
        await cache.of(SONG, KEY, postgres)
        at_once = cache.held(KEY)
        now[0] += UNHEARD + 0.1
        later = cache.held(KEY)

    assert at_once is not None
    assert later is None


async def test_memory_is_bounded_by_number_and_by_size(own_redis: tuple[str, "Popen[bytes]"]) -> None:
    postgres = Postgres(b"x" * 1000)
    async with processes(own_redis[0], room=10) as [cache]:
        for number in range(20):
            await cache.of(SONG, SONG.key(number), postgres)
        by_number = sum(cache.held(SONG.key(number)) is not None for number in range(20))
        cache.bytes_room = 3_000
        await cache.of(SONG, SONG.key(20), postgres)
        by_size = sum(cache.held(SONG.key(number)) is not None for number in range(21))

    assert (by_number, by_size) == (10, 3)


async def test_a_failure_reaches_everyone_who_waits_and_is_not_remembered(
    own_redis: tuple[str, "Popen[bytes]"],
) -> None:
    async def failing() -> bytes | None:
        await asyncio.sleep(0.01)
        raise RuntimeError("no")

    async with processes(own_redis[0]) as [cache]:
        failed = await asyncio.gather(
            *(cache.of(SONG, KEY, failing) for _ in range(3)), return_exceptions=True
        )
        after = await cache.of(SONG, KEY, Postgres())

    assert [str(each) for each in failed] == ["no"] * 3
    assert after is not None
