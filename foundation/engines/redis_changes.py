"""Hears from Redis which keys have changed, so that a process may hold what it read until it is told otherwise.

Redis calls it client-side caching, here in its broadcasting mode: it remembers nothing of who read what. Who follows is told
of a change within a round trip, and asks four times a second whether it still hears everything.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from redis.asyncio.connection import AbstractConnection, ConnectionPool

from foundation.engines.redis import NAMELESS, REQUEST_TIMEOUT, reachable
from foundation.errors import Unreachable

log = logging.getLogger(__name__)

CHANNEL = b"__redis__:invalidate"
EVERY = 0.25  # seconds between two questions whether everything was heard
HOLDS = 0.75  # seconds after such a question for which its answer says enough
PATIENCE = 2.0  # seconds without an answer after which the connection counts as dead
AWAY = 1.0  # seconds between two attempts to connect


class Changes:
    """Follows the keys that begin in certain ways."""

    def __init__(
        self,
        url: str,
        prefixes: Sequence[str],
        changed: Callable[[Sequence[bytes] | None], None],
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`changed` is called with the keys of each change, with None where it may be any of them."""
        self._pool = ConnectionPool.from_url(
            url, protocol=2, socket_connect_timeout=REQUEST_TIMEOUT, driver_info=NAMELESS
        )
        self._prefixes = [word for prefix in prefixes for word in ("PREFIX", prefix)]
        self._changed, self._seconds = changed, seconds
        self._heard_all_until = float("-inf")

    @property
    def are_heard(self) -> bool:
        """Whether every change until a moment ago has been told; else nothing that is held may be trusted."""
        return self._seconds() - self._heard_all_until <= HOLDS

    async def follow(self, stop: asyncio.Event) -> None:
        """Follow until `stop` is set, through every absence of Redis."""
        while not stop.is_set():
            connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                with reachable():
                    await self._listen(connection, stop)
            except Unreachable as away:
                log.debug("changes are not heard: %s", away)
            finally:
                self._heard_all_until = float("-inf")
                self._changed(None)
                await connection.disconnect()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), AWAY)

    async def _listen(self, connection: AbstractConnection, stop: asyncio.Event) -> None:
        await connection.connect()  # type: ignore[no-untyped-call]
        number = await _answer(connection, "CLIENT", "ID")
        await _answer(
            connection, "CLIENT", "TRACKING", "ON", "REDIRECT", str(number), "BCAST", *self._prefixes
        )
        await _answer(connection, "SUBSCRIBE", CHANNEL)
        asked, ask_at = deque[float](), self._seconds()
        while not stop.is_set():
            now = self._seconds()
            if asked and now - asked[0] > PATIENCE:
                raise Unreachable("Redis does not answer whether everything was heard", engine="redis")
            if now >= ask_at:
                await connection.send_command("PING")
                asked.append(now)
                ask_at = now + EVERY
            told = await connection.read_response(timeout=max(ask_at - now, 0.001))
            if told is None:
                continue
            if told[0] == b"pong":
                # What changed before the question stood before the answer.
                self._heard_all_until = asked.popleft()
            elif told[0] == b"message":
                self._changed(told[2])


async def _answer(connection: AbstractConnection, *words: str | bytes) -> object:
    await connection.send_command(*words)
    return await connection.read_response(timeout=PATIENCE)
