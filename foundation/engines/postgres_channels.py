"""Hears what transactions of any process tell when they commit (LISTEN and NOTIFY of Postgres)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

import asyncpg
import psycopg
from sqlalchemy import make_url, text

from foundation.engines.postgres import CONNECT_LIMIT, Writing

log = logging.getLogger(__name__)

Heard: TypeAlias = Callable[[str], None]

LONGEST = 7_000  # bytes of one message; Postgres takes fewer than 8,000
PULSE = 5.0  # seconds between looks whether the connection still lives
LONGEST_PAUSE = 5.0  # seconds between two tries to connect
NOTIFY = text("SELECT pg_notify(:channel, :message)")
NOTIFY_NOW = "SELECT pg_notify(%s, %s)"


async def notify(db: Writing, channel: str, words: Iterable[str]) -> None:
    """Tell all who listen to `channel` these words, joined by spaces, when this transaction commits."""
    for message in _messages(words):
        await db.execute(NOTIFY, {"channel": channel, "message": message})


def notify_now(db: psycopg.Connection, channel: str, words: Iterable[str]) -> None:
    """The same for jobs and imports: when the transaction commits that is open, else at once."""
    for message in _messages(words):
        db.execute(NOTIFY_NOW, (channel, message))


@asynccontextmanager
async def listening(
    url: str,
    channels: Mapping[str, Heard],
    *,
    linked: Callable[[], Awaitable[object]],
    lost: Callable[[], object],
) -> AsyncIterator[None]:
    """Hear `channels` on a connection of its own while the block runs; a lost connection is made again.

    `linked` is awaited whenever hearing begins, before anything is heard through it: what was told meanwhile has gone by.
    `lost` is called when it ends. Postgres may be away when the block begins.
    """
    hearing = asyncio.create_task(_hear_for_ever(url, channels, linked, lost))
    try:
        yield
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing


async def _hear_for_ever(
    url: str,
    channels: Mapping[str, Heard],
    linked: Callable[[], Awaitable[object]],
    lost: Callable[[], object],
) -> None:
    pause = 0.05
    while True:
        try:
            connection = await asyncpg.connect(_dsn(url), timeout=CONNECT_LIMIT.total_seconds())
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
            log.debug("nothing is heard of Postgres: %s", away)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            continue
        try:
            gone = asyncio.Event()
            connection.add_termination_listener(lambda *_, gone=gone: gone.set())
            for channel, heard in channels.items():
                await connection.add_listener(channel, _hearing(heard))
            await linked()
            pause = 0.05
            await _until_gone(connection, gone)
        except Exception as broken:  # noqa: BLE001 - whatever it was, hearing must go on
            log.warning("the connection that hears Postgres broke: %s", broken)
            await asyncio.sleep(pause)
        finally:
            lost()
            connection.terminate()


def _hearing(heard: Heard) -> Callable[..., None]:
    def hear(_connection: Any, _process: int, _channel: str, message: str) -> None:
        try:
            heard(message)
        except Exception:
            log.exception("a message of Postgres could not be understood")

    return hear


async def _until_gone(connection: Any, gone: asyncio.Event) -> None:
    """Wait; a peer that vanished without a word is found by asking."""
    while not gone.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(gone.wait(), PULSE)
            return
        await connection.execute("SELECT 1", timeout=PULSE)


def _dsn(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _messages(words: Iterable[str]) -> Sequence[str]:
    """
    >>> _messages(["song:1:metadata", "song:2:metadata"])
    ['song:1:metadata song:2:metadata']
    """
    messages: list[list[str]] = []
    room = 0
    for word in words:
        if len(word.encode()) + 1 > room:
            messages.append([])
            room = LONGEST
        messages[-1].append(word)
        room -= len(word.encode()) + 1
    return [" ".join(message) for message in messages]
