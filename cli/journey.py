"""Plays one song over HTTP and watches each place the play comes to, with a clock that begins as the request leaves."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from event_log.segments import CLOSED, OPEN
from feature_store.online import Lately, ListenersOnline
from foundation.clock import utc_now
from foundation.engines.clickhouse import AsyncClient, open_clickhouse_reader_async
from foundation.engines.redis import open_redis_async
from foundation.errors import Problem
from foundation.ids import SongId, UserId, new_play_id
from foundation.settings import Settings
from warehouse.migrate import query

LIMIT = 20  # songs of the feed
PLAYED_MS = 31_000  # a listen counts from 30 s on
PATIENCE = 15.0  # seconds to wait at each stop
FILES, STORE, FEED = (
    0.005,
    0.01,
    0.02,
)  # seconds between two looks; a look at the warehouse costs 10-30 ms of CPU
WAREHOUSE = 0.05
SETTLED = 2.0  # seconds after which a feed that has not changed will not

Found = TypeVar("Found")


class Refused(Problem):
    """The platform answered something else than was asked for."""

    status, title = 502, "The platform refused"


class Lost(Problem):
    """The play has not come to a place within the time that it never takes."""

    status, title = 504, "The play does not arrive"


@dataclass(frozen=True, slots=True)
class Door:
    """What the gateway answered. `after` is in seconds since the request left, here and below."""

    after: float
    status: int
    play_id: str
    request_id: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Written:
    """The file of the event log that held the play when the answer came."""

    after: float
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Shipped:
    """When the file was handed to the shipper, and when every sink had passed it, so that it went."""

    after: float
    name: str
    size: int
    gone_after: float


@dataclass(frozen=True, slots=True)
class Row:
    """The play as the warehouse holds it."""

    after: float
    listened_at: datetime
    played_ms: int
    source: str
    ingested_at: datetime


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the online store knows of the listener once it knows of the play."""

    after: float
    songs: int
    heard: int


@dataclass(frozen=True, slots=True)
class Changed:
    """The first feed that is another."""

    after: float
    feed: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Traveller:
    """One listener's connections to every place where a play leaves a trace."""

    listener: UserId
    log_dir: Path
    api: httpx.AsyncClient
    recent: ListenersOnline
    warehouse: AsyncClient

    @classmethod
    async def open(
        cls, stack: AsyncExitStack, connected: Settings, address: str, token: str, listener: UserId
    ) -> Self:
        """Connect; `stack` closes what was opened."""
        headers = {"Authorization": f"Bearer {token}"}
        client = httpx.AsyncClient(base_url=f"{address}/api/v1", headers=headers, timeout=10)
        redis = open_redis_async(connected.engines.redis)
        stack.push_async_callback(redis.aclose)
        warehouse = await open_clickhouse_reader_async(connected.engines.clickhouse_reader)
        stack.push_async_callback(warehouse.close)
        api = await stack.enter_async_context(client)
        recent = ListenersOnline(redis)
        await recent.of(listener)  # connects: the first look at each place is as quick as all others
        await warehouse.query("SELECT 1")
        return cls(listener, connected.log_dir, api, recent, warehouse)

    async def feed(self) -> Mapping[str, Any]:
        """The listener's feed now. Raises Refused."""
        answer = await self.api.get("/recommendations", params={"limit": LIMIT})
        return _told(answer, httpx.codes.OK)

    async def play(self, song: SongId, before: Mapping[str, Any]) -> "Journey":
        """Tell of a play of the song, from the feed if it is there, and watch from then on. Raises Refused."""
        play_id = str(new_play_id(utc_now()))
        body: dict[str, object] = {"play_id": play_id, "played_ms": PLAYED_MS}
        places = [item["rank"] for item in before["items"] if item["song_id"] == song]
        if places:
            body |= {"slate_id": before["slate_id"], "position": places[0]}
        left_at = time.perf_counter()
        answer = await self.api.post(f"/songs/{song}/play", json=body)
        after = time.perf_counter() - left_at
        written = _holding(self.log_dir, play_id, after)
        told = _told(answer, httpx.codes.ACCEPTED)
        began_at = datetime.fromisoformat(told["started_at"])
        request_id = answer.headers.get("x-request-id", "")
        door = Door(after, answer.status_code, play_id, request_id, began_at)
        return Journey(self, song, before, left_at, door, written)


class Journey:
    """One play on its way; every stop is watched from the beginning, so asking for one delays no other."""

    def __init__(
        self,
        traveller: Traveller,
        song: SongId,
        before: Mapping[str, Any],
        left_at: float,
        door: Door,
        written: Written | None,
    ) -> None:
        self._traveller, self._song, self._before, self._left_at = traveller, song, before, left_at
        self.door, self.written = door, written
        self._closed: tuple[float, str, int] | None = None
        self._shipped = asyncio.create_task(self._until("the shipper", self._file_moved, FILES))
        self._row = asyncio.create_task(self._until("the warehouse", self._row_there, WAREHOUSE))
        self._remembered = asyncio.create_task(self._until("the recent songs", self._song_there, STORE))
        self._changed = asyncio.create_task(self._until("the feed", self._other_feed, FEED))

    async def shipped(self) -> Shipped | None:
        """When the segment left the log; None where the log is on another machine."""
        return None if self.written is None else await self._shipped

    async def row(self) -> Row:
        """The play in the warehouse. Raises Lost."""
        return await self._row

    async def remembered(self) -> Remembered:
        """The play in the online store. Raises Lost."""
        return await self._remembered

    async def changed(self) -> Changed | None:
        """The first feed that differs; None when it stays as it was, as after a song that no model knows. Raises Lost."""
        if self._song in _scores(self._before):
            return await self._changed
        await self._remembered
        done, _ = await asyncio.wait({self._changed}, timeout=SETTLED)
        return self._changed.result() if done else None

    async def leave(self) -> None:
        """Stop watching."""
        tasks = (self._shipped, self._row, self._remembered, self._changed)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _until(
        self, stop: str, look: Callable[[float], Awaitable[Found | None]], pause: float
    ) -> Found:
        """The first thing that a look finds; a look is told how long after the start it began."""
        while (after := self._after()) < PATIENCE:
            if (found := await look(after)) is not None:
                return found
            await asyncio.sleep(pause)
        raise Lost(f"the play has not come to {stop} within {PATIENCE:.0f} s: see ./segue logs shipper")

    def _after(self) -> float:
        return time.perf_counter() - self._left_at

    async def _file_moved(self, after: float) -> Shipped | None:
        if self.written is None:
            return Shipped(after, "", 0, after)
        path = (self._traveller.log_dir / self.written.name).with_suffix(CLOSED)
        try:
            self._closed = self._closed or (self._after(), path.name, path.stat().st_size)
        except FileNotFoundError:
            if path.with_suffix(OPEN).exists():
                return None
            return Shipped(after, path.name, self.written.size, after)  # closed and gone between two looks
        if path.exists():
            return None
        return Shipped(*self._closed, gone_after=self._after())

    async def _row_there(self, _: float) -> Row | None:
        asked = {"listener": self._traveller.listener, "play": self.door.play_id}
        rows = (await self._traveller.warehouse.query(query("play"), asked)).result_rows
        return Row(self._after(), *rows[0]) if rows else None

    async def _song_there(self, _: float) -> Remembered | None:
        lately = await self._traveller.recent.of(self._traveller.listener)
        if not _knows(lately, self._song, self.door.started_at):
            return None
        return Remembered(self._after(), len(lately.song_ids), len(lately.heard))

    async def _other_feed(self, _: float) -> Changed | None:
        feed = await self._traveller.feed()
        if _scores(feed) == _scores(self._before) or self._song in _scores(feed):
            return None
        return Changed(self._after(), feed)


def _told(answer: httpx.Response, wanted: int) -> Mapping[str, Any]:
    """What was answered. Raises Refused with the reason that the answer gives."""
    try:
        told: Mapping[str, Any] = answer.json()
    except json.JSONDecodeError:
        told = {}
    if answer.status_code != wanted:
        raise Refused(str(told.get("detail") or f"{answer.request.url} answered {answer.status_code}"))
    return told


def _holding(log_dir: Path, play_id: str, after: float) -> Written | None:
    """The file that holds the play, if it is still there: an older one has been shipped."""
    for path in sorted(log_dir.glob("*-*"), key=_age, reverse=True):
        if path.suffix not in (OPEN, CLOSED):
            continue
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        if play_id.encode() in data:
            return Written(after, path.name, len(data))
    return None


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _knows(lately: Lately, song: SongId, began_at: datetime) -> bool:
    return any(each.song_id == song and each.listened_at >= _whole_ms(began_at) for each in lately.songs)


def _whole_ms(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _scores(feed: Mapping[str, Any]) -> dict[int, float]:
    return {item["song_id"]: item["score"] for item in feed["items"]}
