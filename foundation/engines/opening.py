"""A client that the first question opens, one for all who ask, and that is closed whoever was cancelled meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What holds connections."""

    async def close(self) -> None:
        """Let go of them."""


Client = TypeVar("Client", bound=Closable)


class Opening(Generic[Client]):
    """Of one event loop. A store that is away delays no start, and is asked anew by the next question."""

    def __init__(self, connect: Callable[[], Awaitable[Client]]) -> None:
        self._connect = connect
        self._opened: asyncio.Future[Client] | None = None

    async def client(self) -> Client:
        """The client, opened by now. Raises whatever connecting raises."""
        opened = self._opened
        if opened is None or (opened.done() and (opened.cancelled() or opened.exception())):
            opened = self._opened = asyncio.ensure_future(self._connect())
        return await asyncio.shield(opened)  # who is cancelled cancels no other, and leaves no client behind

    async def close(self) -> None:
        """Close it, also one that is still being opened."""
        if self._opened is not None:
            with suppress(Exception):  # one that was never opened
                await (await self._opened).close()
