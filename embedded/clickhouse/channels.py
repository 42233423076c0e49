"""How a request's thread and the event loop pass bytes: a body in, an answer out, each at the slower one's pace."""

import asyncio
import fcntl
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import suppress

__all__ = ["Aborted", "Feed", "Pipe", "Reply"]

FEED_BYTES = 32 << 20  # a client gives up when nothing is taken for seconds, and writing a part takes seconds
PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031  # Linux only; elsewhere a pipe keeps its size


class Aborted(Exception):
    """The client went away before it had sent everything."""


class Feed:
    """A request's body: the event loop puts pieces in, one thread takes them out."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pieces: queue.SimpleQueue[bytes | Aborted | None] = queue.SimpleQueue()
        self._waiting = 0  # bytes put in and not yet taken out
        self._taken = asyncio.Event()

    async def put(self, piece: bytes) -> None:
        """Hands over a piece, when the thread has taken enough of the earlier ones."""
        while self._waiting > FEED_BYTES:
            self._taken.clear()
            await self._taken.wait()
        self._waiting += len(piece)
        self._pieces.put(piece)

    def end(self) -> None:
        """Says that this was all."""
        self._pieces.put(None)

    def abort(self) -> None:
        """Says that the rest will not come: the thread gets Aborted."""
        self._pieces.put(Aborted("The client closed the connection"))

    def __iter__(self) -> Iterator[bytes]:
        while True:
            piece = self._pieces.get()
            if piece is None:
                return
            if isinstance(piece, Aborted):
                raise piece
            with suppress(RuntimeError):  # the loop has been closed: nobody waits for room any more
                self._loop.call_soon_threadsafe(self._take, len(piece))
            yield piece

    def _take(self, size: int) -> None:
        self._waiting -= size
        self._taken.set()


class Pipe:
    """The reading end of an answer, in the event loop."""

    def __init__(self, descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
        self._descriptor, self._loop = descriptor, loop
        os.set_blocking(descriptor, False)

    async def read(self) -> bytes:
        """The next piece of at most a megabyte; empty at the end."""
        while True:
            with suppress(BlockingIOError):
                return os.read(self._descriptor, PIPE_BYTES)
            readable = self._loop.create_future()
            self._loop.add_reader(self._descriptor, _wake, readable)
            try:
                await readable
            finally:
                self._loop.remove_reader(self._descriptor)

    def close(self) -> None:
        """Stops reading: who still writes gets an error."""
        os.close(self._descriptor)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class Reply:
    """Through which a thread says that its answer is too long for one piece, and writes it into a pipe."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._abandoned = False
        self._reader: int | None = None
        self.started: asyncio.Future[tuple[str, Pipe]] = loop.create_future()

    def start(self, format_: str) -> int:
        """Opens the pipe and gives its writing end, which the caller closes; called in the thread."""
        reader, writer = os.pipe()
        with suppress(OSError):
            fcntl.fcntl(writer, _F_SETPIPE_SZ, PIPE_BYTES)
        with self._lock:
            if self._abandoned:
                os.close(reader)
                return writer  # writing will fail, and that ends the query
            self._reader = reader
        self._loop.call_soon_threadsafe(self._begin, format_)
        return writer

    def _begin(self, format_: str) -> None:
        with self._lock:
            if self._reader is not None and not self.started.done():
                self.started.set_result((format_, Pipe(self._reader, self._loop)))

    def abandon(self) -> None:
        """Nobody will read any more; called in the event loop."""
        with self._lock:
            self._abandoned = True
            if self._reader is not None:
                os.close(self._reader)
                self._reader = None
