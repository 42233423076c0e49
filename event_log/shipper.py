"""Carries closed segments to every sink, each at its own pace, and removes what all of them hold."""

import fcntl
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from event_log.ahead import Ahead
from event_log.cursor import Cursor
from event_log.errors import AlreadyShipping
from event_log.plays import Told
from event_log.reading import closed, events_of, in_order, is_numbered, pending
from event_log.segments import OPEN, adopt
from event_log.sink import PreparedSink, Sink
from foundation.engines.disk import sync_directory
from foundation.errors import Unreachable
from foundation.telemetry import Facts, delivery, span

__all__ = ["Shipper", "Watcher", "pending"]

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between tries of a sink that is down
_REST = 10  # times the work of looking through a folder, large where a backlog is long, or of a try in vain
_TOLD_EVERY = 1.0  # seconds
# Bytes of segments that a sink takes at once, where so many wait: what a store asks for each insert is shared by tens of
# thousands of events instead of some hundreds.
TOGETHER = 8 * 1024 * 1024
_MOST_TOGETHER = 1024  # segments


class Watcher(Protocol):
    """Who is told how far each sink is: the metrics of the process."""

    def lags(self, sink: str, segments: int, age: timedelta) -> None:
        """What a sink has yet to take, and how old the oldest of it is; told about every second."""

    def shipped(self, sink: str) -> None:
        """A sink has taken a segment."""


class Nobody:
    """Watches nothing."""

    def lags(self, sink: str, segments: int, age: timedelta) -> None:
        pass

    def shipped(self, sink: str) -> None:
        pass


class Shipper:
    """The one reader of a log. A sink that is down stops no other; its segments wait on disk."""

    def __init__(
        self,
        directory: Path,
        sinks: Sequence[Sink],
        *,
        poll: timedelta = timedelta(milliseconds=50),
        together: int = TOGETHER,
        watcher: Watcher | None = None,
    ) -> None:
        """`poll` is how long an idle sink sleeps before it looks for new segments, `together` how many bytes it takes at once."""
        self._watcher = watcher or Nobody()
        self._tell_at = 0.0  # time.monotonic() at which the watcher is told next
        self._directory, self._sinks, self._poll = directory, sinks, poll.total_seconds()
        self._together = together
        self._ages: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._unadoptable: set[str] = set()  # told already
        self._kept: OrderedDict[Path, Told] = OrderedDict()  # sinks side by side read a segment once
        self._reading = threading.Lock()

    def ship(self) -> int:
        """One pass over what is closed now; returns how many segments every sink has passed.

        A sink that fails is told in the log of the process and stays behind; the others go on.
        """
        with self._claimed() as cursors:
            self._adopt_abandoned()
            for sink, cursor in zip(self._sinks, cursors, strict=True):
                try:
                    with self._ahead_of(sink) as ahead:
                        self._advance(sink, cursor, self._due(cursor), ahead, threading.Event())
                except Exception as error:  # noqa: BLE001 - a sink may fail in any way its engine knows
                    logger.warning("sink %s is down: %s", sink.name, _brief(error))
            return self._remove_passed(cursors)

    def run(self, stop: threading.Event) -> None:
        """Ship until `stop` is set: a thread per sink, and this one to adopt and to clear away."""
        with self._claimed() as cursors:
            threads = [
                threading.Thread(
                    target=self._feed, args=(sink, cursor, stop), name=f"sink-{sink.name}", daemon=True
                )
                for sink, cursor in zip(self._sinks, cursors, strict=True)
            ]
            for thread in threads:
                thread.start()
            rest = self._poll
            while not stop.wait(rest):
                begun_at = time.thread_time()
                try:
                    self._remove_passed(cursors)  # first, since it makes room on a full disk
                    self._tell_lags(cursors)
                    self._adopt_abandoned()
                except OSError as error:
                    logger.warning("the log's folder cannot be tidied: %s", error)
                    stop.wait(_LONGEST_PAUSE)
                rest = self._rest_since(begun_at)
            for thread in threads:
                thread.join()
            self._remove_passed(cursors)

    def _feed(self, sink: Sink, cursor: Cursor, stop: threading.Event) -> None:
        with self._ahead_of(sink) as ahead:
            self._keep_feeding(sink, cursor, ahead, stop)

    def _keep_feeding(self, sink: Sink, cursor: Cursor, ahead: Ahead, stop: threading.Event) -> None:
        pause, down_since = _FIRST_PAUSE, None
        while not stop.is_set():
            begun_at = time.thread_time()
            try:
                due = self._due(cursor)
                rest = self._rest_since(begun_at)
                moved = self._advance(sink, cursor, due, ahead, stop)
            except Exception as error:  # noqa: BLE001 - a sink may fail in any way its engine knows
                if down_since is None:
                    down_since = time.monotonic()
                    logger.warning("sink %s is down, its segments wait: %s", sink.name, _brief(error))
                # Nobody is bothered by how often we knock where nobody is; what answers with errors is given time.
                pause = _FIRST_PAUSE if isinstance(error, Unreachable) else min(2 * pause, _LONGEST_PAUSE)
                stop.wait(max(pause, self._rest_since(begun_at)))
                continue
            if moved and down_since is not None:
                logger.warning(
                    "sink %s takes segments again after %.1f s", sink.name, time.monotonic() - down_since
                )
                pause, down_since = _FIRST_PAUSE, None
            if not moved:
                stop.wait(rest)

    def _rest_since(self, begun_at: float) -> float:
        """How long to sleep after what this thread has computed since; waiting for a sink or a lock counts for nothing."""
        return max(self._poll, _REST * (time.thread_time() - begun_at))

    def _advance(
        self, sink: Sink, cursor: Cursor, due: Sequence[Path], ahead: Ahead, stop: threading.Event
    ) -> int:
        """Give the sink what is due; returns how many segments it took."""
        begun = set(cursor.begun)
        groups = list(self._groups(due, sum(path.stem in begun for path in due)))
        moved = 0
        for nth, paths in enumerate(groups):
            if stop.is_set():
                break
            names = [path.stem for path in paths]
            cursor.begin(names)
            # While the sink may be down, the last grows with every segment, and would be made again and again.
            has_next = nth + (1 if moved else 2) < len(groups)
            events = ahead.take(paths, groups[nth + 1] if has_next else ())
            told: Facts = {
                "segment.id": names[0],
                "segments": len(names),
                "sink": sink.name,
                "events": len(events),
            }
            with delivery("ship_segment", told, events.traceparents), span(f"apply_{sink.name}"):
                sink.apply(names, events)
            cursor.finish(names)
            for _ in names:
                self._watcher.shipped(sink.name)
            moved += len(names)
        ahead.forget()
        return moved

    def _groups(self, due: Sequence[Path], begun: int) -> Iterator[Sequence[Path]]:
        """What a sink takes together: first what it had begun as it was, then what follows each other up to so many bytes."""
        if begun:
            yield due[:begun]
        group: list[Path] = []
        size = 0
        for path in due[begun:]:
            size += self._sizes[path.stem]
            if group and (size > self._together or len(group) == _MOST_TOGETHER):
                yield group
                group, size = [], self._sizes[path.stem]
            group.append(path)
        if group:
            yield group

    def _ahead_of(self, sink: Sink) -> closing[Ahead]:
        return closing(Ahead(f"ahead-of-{sink.name}", partial(self._made, sink)))

    def _made(self, sink: Sink, paths: Sequence[Path]) -> Told:
        """What these segments tell, in columns, with what the sink computes of it."""
        told = self._read(paths)
        if told.plays.num_rows and isinstance(sink, PreparedSink):
            sink.prepare(told)
        return told

    def _read(self, paths: Sequence[Path]) -> Told:
        with self._reading:
            for path in paths:
                kept = self._kept.pop(path, None)
                self._kept[path] = events_of(path) if kept is None else kept
            told = Told.together([self._kept[path] for path in paths])
            while sum(self._sizes.get(path.stem, 0) for path in self._kept) > 2 * self._together:
                self._kept.popitem(last=False)
            return told

    def _due(self, cursor: Cursor) -> list[Path]:
        """What the sink has yet to take. What it had begun comes first: see Cursor."""
        passed = (
            cursor.passed_by_now()
        )  # asked before the folder: a passed segment goes from the folder first
        paths = {name: path for name, path in closed(self._directory).items() if name not in passed}
        for name, path in paths.items():
            if name not in self._ages:
                stat = path.stat()
                self._ages[name], self._sizes[name] = stat.st_mtime_ns, stat.st_size
        begun = {name: place for place, name in enumerate(cursor.begun)}
        names = in_order({name: self._ages[name] for name in paths})
        names.sort(key=lambda name: begun.get(name, len(begun)))
        return [paths[name] for name in names]

    def _tell_lags(self, cursors: Sequence[Cursor]) -> None:
        if time.monotonic() < self._tell_at:
            return
        self._tell_at = time.monotonic() + _TOLD_EVERY
        passed = [cursor.passed_by_now() for cursor in cursors]  # before the folder, as in _due
        paths = closed(self._directory)
        for sink, by_sink in zip(self._sinks, passed, strict=True):
            waiting = [name for name in paths if name not in by_sink]
            ages = [_age(paths[name]) for name in waiting]
            self._watcher.lags(sink.name, len(waiting), max(ages, default=timedelta()))

    def _adopt_abandoned(self) -> None:
        """Close the segments whose writers have died. One that cannot be closed stops no other, and is told once."""
        for path in filter(is_numbered, self._directory.glob(f"*{OPEN}")):
            try:
                if adopt(path):
                    logger.info("took over %s from a writer that has gone", path.name)
            except FileNotFoundError:  # its writer closed it meanwhile
                continue
            except OSError as error:
                if path.name not in self._unadoptable:
                    self._unadoptable.add(path.name)
                    logger.warning("%s cannot be taken over, and is tried again: %s", path.name, error)

    def _remove_passed(self, cursors: Sequence[Cursor]) -> int:
        paths = closed(self._directory)
        passed = [cursor.passed_by_now() for cursor in cursors]
        done = [name for name in paths if all(name in by_sink for by_sink in passed)]
        for name in done:
            paths[name].unlink(missing_ok=True)
            self._ages.pop(name, None)
            self._sizes.pop(name, None)
            with self._reading:
                self._kept.pop(paths[name], None)
        if done:
            # A name that came back after a power cut must still be known as passed.
            sync_directory(self._directory)
            for cursor in cursors:
                cursor.forget(done)
        return len(done)

    @contextmanager
    def _claimed(self) -> Iterator[list[Cursor]]:
        """The cursors, while no other process ships this log. Raises AlreadyShipping when one does."""
        self._directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._directory / "shipper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyShipping(
                    "another process ships this log", directory=str(self._directory)
                ) from error
            cursors = [Cursor(self._directory, sink.name) for sink in self._sinks]
            there = closed(self._directory).keys()
            for cursor in cursors:
                cursor.forget(cursor.passed_by_now() - there)
            try:
                yield cursors
            finally:
                for cursor in cursors:
                    cursor.close()
        finally:
            os.close(lock)


def _age(path: Path) -> timedelta:
    """Since it was written last; nothing for one that has gone meanwhile."""
    try:
        return timedelta(seconds=max(0.0, time.time() - path.stat().st_mtime))
    except FileNotFoundError:
        return timedelta()


def _brief(error: Exception) -> str:
    """The first line of an error: an engine may tell a page."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}"
