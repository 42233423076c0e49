"""How long after a play the listener's feed is another, while many people listen at once."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pytest

from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.engines import clickhouse
from foundation.ids import UserId, new_play_id
from foundation.security import token_maker
from tests.journeys.conftest import Platform

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

PLAYS, A_SECOND, LISTENERS = 200, 50, 100  # with the feeds that are looked at about 200 requests a second
WARMING = 20  # plays before, so that connections are open and code is loaded
CONNECTIONS = 32
# Seconds after which a feed is looked at first, and between two looks, which counts into what is measured. Looking
# costs the machine far more than the plays: more looks would measure themselves.
FIRST_LOOK, POLL = 0.4, 0.1
GIVE_UP = 10.0
LIMIT, ROUNDS = 1.0, 3


class Item(msgspec.Struct):
    song_id: int


class Feed(msgspec.Struct):
    items: list[Item]


songs_of = msgspec.json.Decoder(Feed).decode


class Connection:
    """One kept-alive connection. A client library takes longer for a request than the platform for its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, method: str, path: str, token: str, body: bytes = b"") -> tuple[int, bytes]:
        head = f"{method} /api/v1{path} HTTP/1.1\r\nHost: segue\r\nAuthorization: Bearer {token}\r\n"
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower().splitlines()
        length = next(int(line[15:]) for line in answer if line.startswith(b"content-length:"))
        return int(answer[0].split()[1]), await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()


@dataclass(frozen=True, slots=True)
class Door:
    """As many connections as people share."""

    free: "asyncio.Queue[Connection]"

    async def ask(self, method: str, path: str, token: str, body: bytes = b"") -> tuple[int, bytes]:
        connection = await self.free.get()
        try:
            return await connection.ask(method, path, token, body)
        finally:
            self.free.put_nowait(connection)


@asynccontextmanager
async def door_at(address: str) -> AsyncIterator[Door]:
    parts = urlsplit(address)
    opened = [
        Connection(*await asyncio.open_connection(parts.hostname, parts.port)) for _ in range(CONNECTIONS)
    ]
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for connection in opened:
        free.put_nowait(connection)
    try:
        yield Door(free)
    finally:
        for connection in opened:
            connection.close()


async def test_a_song_has_left_the_feed_a_second_after_its_play(platform: Platform) -> None:
    address = foundation_settings.running_engines(platform.settings)["api"]
    tokens = [token_of(platform, listener) for listener in listeners_of(platform)]
    async with door_at(address) as door:
        await asyncio.gather(
            *plays_of(door, tokens, [songs[-1] for songs in await feeds_of(door, tokens)][:WARMING])
        )

        p99 = min([p99 async for p99 in rounds(door, tokens)])

    assert p99 <= LIMIT


async def rounds(door: Door, tokens: list[str]) -> AsyncIterator[float]:
    """The p99 of one round after another, until one keeps the limit: other work on the machine can only add to it."""
    for _ in range(ROUNDS):
        songs = await feeds_of(door, tokens)
        in_turn = [each[place] for place in range(PLAYS // len(tokens)) for each in songs]
        took = np.array(await asyncio.gather(*plays_of(door, tokens, in_turn)))
        p50, p99 = np.percentile(took, [50, 99])
        print(
            f"\n{len(took)} plays at {A_SECOND} a second by {len(tokens)} listeners, from the 202 to a feed without the"
        )
        print(f"song: p50 {p50:.2f} s, p99 {p99:.2f} s, longest {took.max():.2f} s (polled every {POLL} s)")
        yield float(p99)
        if p99 <= LIMIT:
            return


async def feeds_of(door: Door, tokens: list[str]) -> list[list[int]]:
    """The songs of everyone's feed as it is now."""
    feeds = [songs_of((await door.ask("GET", "/recommendations", token))[1]) for token in tokens]
    return [[item.song_id for item in feed.items] for feed in feeds]


def plays_of(door: Door, tokens: list[str], songs: list[int]) -> list[Coroutine[None, None, float]]:
    """A play of each song, the listeners taking turns, evenly spread over time from now on."""
    begun_at = time.perf_counter()
    return [
        left_after(door, tokens[number % len(tokens)], song, begun_at + number / A_SECOND)
        for number, song in enumerate(songs)
    ]


def listeners_of(platform: Platform) -> list[int]:
    client = clickhouse.open_clickhouse_reader(platform.settings.engines.clickhouse_reader)
    rows = client.query("SELECT DISTINCT listener_id FROM listens ORDER BY listener_id").result_rows
    return [listener for (listener,) in rows[-LISTENERS:]]


def token_of(platform: Platform, listener: int) -> str:
    return token_maker(platform.settings).issue(UserId(listener), roles=["user"], now=utc_now())


async def left_after(door: Door, token: str, song: int, starts_at: float) -> float:
    """Play the song; returns the seconds from the 202 until a feed lacks it."""
    await asyncio.sleep(max(0.0, starts_at - time.perf_counter()))
    play = {"play_id": str(new_play_id(utc_now())), "played_ms": 31_000}
    status, told = await door.ask("POST", f"/songs/{song}/play", token, json.dumps(play).encode())
    answered_at = time.perf_counter()
    assert status == 202, told
    await asyncio.sleep(FIRST_LOOK)
    while (asked_at := time.perf_counter()) - answered_at < GIVE_UP:
        status, told = await door.ask("GET", "/recommendations", token)
        assert status == 200, told
        if song not in {item.song_id for item in songs_of(told).items}:
            return time.perf_counter() - answered_at
        await asyncio.sleep(max(0.0, asked_at + POLL - time.perf_counter()))
    pytest.fail(f"song {song} is still on the feed {GIVE_UP:.0f} s after its play")
