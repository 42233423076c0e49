"""Where an event is made safe: many requests share one write and one sync, and each returns when it is on disk."""

import asyncio
import errno
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from event_log.errors import LogBusy, LogFull, LogUnavailable
from event_log.open_segment import OpenSegment
from event_log.segments import record
from foundation.contracts.events import Event, encode
from foundation.engines.disk import sync_directory

logger = logging.getLogger(__name__)

WAITING_BYTES = 64 * 1024 * 1024
SOON = 0.05  # seconds after which what was told is written, if nobody's append takes it along before
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_WORKER = re.compile(r"[A-Za-z0-9_.-]+")

Loop: TypeAlias = asyncio.AbstractEventLoop
Done: TypeAlias = Callable[[LogUnavailable | None], None]
"""Hears once that a record is on disk, or why it is not."""


def worker_name(role: str, started_at: datetime, pid: int) -> str:
    """A name that no other process of this log ever has: segments are named after it.

    >>> from datetime import UTC
    >>> worker_name("api", datetime(2026, 3, 1, 12, 30, 15, 250, UTC), pid=71)
    'api-20260301T123015000250-71'
    """
    return f"{role}-{started_at:%Y%m%dT%H%M%S%f}-{pid}"


class _Append(NamedTuple):
    """One caller's record, who hears of it, and in which event loop; without one the log's own thread tells."""

    record: bytes | bytearray
    loop: Loop | None
    done: Done


class EventLog:
    """One worker's log. Any task and any thread may append; one thread writes."""

    def __init__(
        self, directory: Path, worker: str, *, age: timedelta, size: int, waiting_bytes: int = WAITING_BYTES
    ) -> None:
        """A segment is handed to the shipper at `age` or `size`; more than `waiting_bytes` waiting is refused."""
        if not _WORKER.fullmatch(worker):
            raise ValueError(f"a worker's name becomes a file name: {worker!r} cannot")
        self._directory, self._worker = directory, worker
        self._age, self._size, self._limit = age.total_seconds(), size, waiting_bytes
        self._appends: deque[_Append] = deque()
        self._told = bytearray()  # records that nobody waits for
        self._told_until = float("inf")  # time.monotonic() at which it is written at the latest
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._is_idle = self._is_closing = False
        self._segment: OpenSegment | None = None
        self._sequence = 0
        self.commits = 0  # writes that succeeded, each with one sync
        self._close_at = float("inf")  # time.monotonic() at which the open segment is old enough
        self._is_failing = self._is_handing_over = False
        _make_durable(directory)
        self._thread = threading.Thread(target=self._run, name=f"log-{worker}", daemon=True)
        self._thread.start()

    async def append(self, events: list[Event]) -> None:
        """Return once the events are on disk. Raises LogUnavailable, LogFull or LogBusy when they are not."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.append_then(events, partial(_settle, waiter))
        await waiter

    def append_then(self, events: list[Event], done: Done) -> None:
        """The same without a task that waits: `done` is called in this event loop. Raises LogUnavailable or LogBusy at once."""
        self._enqueue(_Append(record(encode(events)), asyncio.get_running_loop(), done))

    def append_now(self, events: list[Event]) -> None:
        """The same for callers outside an event loop: blocks until the events are on disk."""
        self.append_encoded_now(encode(events))

    def append_encoded_now(self, *lists: bytes) -> None:
        """The same for lists of events as `encode` made them, which are not read: what they are not, the shipper sets aside.

        In this order, and with as few syncs as they need; where it raises, some of the first may be on disk.
        """
        waiters: list[Future[None]] = [Future() for _ in lists]
        for events, waiter in zip(lists, waiters, strict=True):
            self._enqueue(_Append(record(events), None, partial(_settle, waiter)))
        for waiter in waiters:
            waiter.result()

    def tell(self, events: list[Event]) -> bool:
        """Append without waiting, what is worth keeping but not worth anybody's time; False where there is no room.

        It is written soon, with others: a thread that woke for each would cost whoever tells more than the telling does.
        """
        return self.tell_encoded(encode(events))

    def tell_encoded(self, events: bytes) -> bool:
        """The same for events as `encode` made them."""
        told = record(events)
        with self._changed:
            if self._is_closing or (self._waiting_bytes and self._waiting_bytes + len(told) > self._limit):
                return False
            if not self._told:
                self._told_until = time.monotonic() + SOON
                self._wake()
            self._told += told
            self._waiting_bytes += len(told)
            if len(self._told) >= self._size:
                self._take_told()
                self._wake()
        return True

    def hand_over(self) -> None:
        """Let the shipper have what is on disk now, without waiting until its segment is old or large enough."""
        with self._changed:
            self._is_handing_over = True
            self._wake()

    def close(self) -> None:
        """Write what is waiting, hand over the last segment, and refuse from now on."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _enqueue(self, append: _Append) -> None:
        size = len(append.record)
        with self._changed:
            if self._is_closing:
                raise LogUnavailable("the event log is closed")
            # A record larger than the limit passes when it is alone, else it never would.
            if self._waiting_bytes and self._waiting_bytes + size > self._limit:
                raise LogBusy("more events are waiting than the log holds; send them again in a moment")
            self._appends.append(append)
            self._waiting_bytes += size
            self._wake()

    def _take_told(self) -> None:
        """Put what was told behind what is to be written, as one: each by itself would cost more than it took to tell."""
        self._appends.append(_Append(self._told, None, _nobody))
        self._told, self._told_until = bytearray(), float("inf")

    def _wake(self) -> None:
        if self._is_idle:
            self._is_idle = False
            self._changed.notify()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            try:
                error = self._commit(batch) if batch else None
            except Exception as unexpected:  # whoever waits must hear of it, and the log goes on
                logger.exception("the event log failed")
                self._close_segment()
                error = LogUnavailable(f"the event log failed: {unexpected}")
            _answer(batch, error)
            if self._is_handing_over or time.monotonic() >= self._close_at:
                self._is_handing_over = False
                self._close_segment()
        self._close_segment()

    def _next_batch(self) -> list[_Append] | None:
        """What to write next, at most about a segment; empty when a segment grew old; None when all is done."""
        with self._changed:
            while not self._appends:
                now = time.monotonic()
                if self._told and (self._is_closing or now >= self._told_until):
                    break
                if self._is_closing:
                    return None
                if self._is_handing_over or now >= self._close_at:
                    return []
                left = min(self._close_at, self._told_until) - now
                self._is_idle = True
                self._changed.wait(None if left == float("inf") else left)
                self._is_idle = False
            if self._told:
                self._take_told()
            batch: list[_Append] = []
            size = 0
            if (
                self._waiting_bytes <= self._size
            ):  # nearly always: all of it, and nobody waits for the lock meanwhile
                batch, size = list(self._appends), self._waiting_bytes
                self._appends.clear()
            while self._appends and size < self._size:
                batch.append(self._appends.popleft())
                size += len(batch[-1].record)
            self._waiting_bytes -= size
            return batch

    def _commit(self, batch: list[_Append]) -> LogUnavailable | None:
        """Write and sync the records as one; returns why they are not on disk, if they are not."""
        try:
            if self._segment is None:
                self._segment = self._new_segment()
                self._close_at = time.monotonic() + self._age
            self._segment.append(b"".join(append.record for append in batch))
        except OSError as error:
            self._close_segment()
            return self._failed(error)
        self.commits += 1
        if self._is_failing:
            self._is_failing = False
            logger.warning("the event log writes again")
        if self._segment.size >= self._size:
            self._close_segment()
        return None

    def _new_segment(self) -> OpenSegment:
        while True:
            self._sequence += 1
            segment = OpenSegment.create(self._directory, f"{self._worker}-{self._sequence:012d}")
            if segment is not None:
                return segment

    def _close_segment(self) -> None:
        segment, self._segment, self._close_at = self._segment, None, float("inf")
        if segment is not None:
            segment.close()

    def _failed(self, error: OSError) -> LogUnavailable:
        if not self._is_failing:
            self._is_failing = True
            logger.error("the event log cannot write: %s", error)
        refusal = LogFull if error.errno in _NO_ROOM else LogUnavailable
        return refusal(f"the event log cannot write: {error.strerror}")


def _answer(batch: list[_Append], error: LogUnavailable | None) -> None:
    """Tell everyone who waits for this batch: each event loop once, however many wait there."""
    by_loop: dict[Loop, list[Done]] = {}
    for append in batch:
        if append.loop is None:
            append.done(error)
        else:
            by_loop.setdefault(append.loop, []).append(append.done)
    for loop, waiting in by_loop.items():
        try:
            loop.call_soon_threadsafe(_tell_all, waiting, error)
        except RuntimeError:  # the loop has gone, and with it everyone who waited there
            logger.info("%d appends were answered after their event loop had closed", len(waiting))


def _tell_all(waiting: list[Done], error: LogUnavailable | None) -> None:
    for done in waiting:
        try:
            done(error)
        except Exception:  # the others wait too
            logger.exception("who waited for the event log failed")


def _nobody(error: LogUnavailable | None) -> None:
    """Waits for nothing."""


def _settle(waiter: "asyncio.Future[None] | Future[None]", error: LogUnavailable | None) -> None:
    if waiter.done():  # its task was cancelled
        return
    if error is None:
        waiter.set_result(None)
    else:
        waiter.set_exception(
            type(error)(error.detail)
        )  # one each: an exception raised twice grows its traceback


def _make_durable(directory: Path) -> None:
    if not directory.exists():
        directory.mkdir(parents=True, exist_ok=True)
        sync_directory(directory.parent)
