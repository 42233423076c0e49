"""Keeps one child running: starts it, sees that it answers, and starts it again after a crash."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from threading import Thread

from embedded.child import Child, EngineFailed
from embedded.launch import Lifeline, Started, telling_line
from embedded.state import holders, locked

LOG_BYTES = 10 * 1024 * 1024
OLD_LOGS = 2
REMNANTS = 5.0  # seconds beyond its own time limit that an earlier run of a child may take to end
TRIES = 3  # of a child that has never answered


class State(StrEnum):
    WAITING = "waiting"  # for its turn, or for an earlier run to end
    PREPARING = "preparing"
    STARTING = "starting"
    HEALTHY = "healthy"
    PAUSED = "paused"  # between a crash and the next start
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class BackOff:
    """How long to wait before a crashed child is started again: twice as long after each quick failure."""

    first: timedelta = timedelta(milliseconds=250)
    longest: timedelta = timedelta(seconds=15)
    stable: timedelta = timedelta(minutes=1)  # after so long in health, the count begins anew

    def pause(self, quick_failures: int) -> timedelta:
        """
        >>> [BackOff().pause(failures).total_seconds() for failures in (1, 2, 3, 9)]
        [0.25, 0.5, 1.0, 15.0]
        """
        doubled: timedelta = self.first * 2 ** min(quick_failures - 1, 30)
        return min(self.longest, doubled)


class Keeper:
    """One child and what became of it. `turn` does what is due and never waits for long."""

    def __init__(
        self,
        child: Child,
        home: Path,
        lifeline: Lifeline,
        say: Callable[[str], None],
        back_off: BackOff,
        now: Callable[[], datetime],
    ) -> None:
        self.child, self.home, self.lifeline = child, home, lifeline
        self.say, self.back_off, self.now = say, back_off, now
        self.log = home / "log" / f"{child.name}.log"
        self.lock = home / "run" / f"{child.name}.lock"
        self.started: Started | None = None
        self.restarts = 0
        self.state, self.since = State.WAITING, now()
        self.due = 0.0  # when `turn` has something to do, in monotonic seconds
        self._entered = time.monotonic()  # the present state
        self._remnants_since: float | None = None
        self._quick_failures = 0
        self._was_healthy = False
        self._log_from = 0
        self._held: int | None = None  # the lock, between its taking and the start of the program
        self._preparing: Thread | None = None
        self._failure: Exception | None = None

    @property
    def pid(self) -> int | None:
        return self.started.pid if self.started else None

    @property
    def is_up(self) -> bool:
        return self.state is State.HEALTHY

    def turn(self) -> None:
        """Raises EngineFailed when the child cannot be brought up for the first time."""
        if self.started and self.started.status() is not None:
            self._ended()
        elif time.monotonic() < self.due:
            return
        elif self.state in (State.WAITING, State.PAUSED):
            self._begin()
        elif self.state is State.PREPARING:
            self._start()
        elif self.state is State.STARTING:
            self._look()
        else:
            self.due = float("inf")

    def end(self) -> None:
        """Asks the wrapper to end the program. It takes effect while `turn`s go on."""
        if self.started:
            self._enter(State.STOPPING)
            self.started.process.terminate()
        else:
            self._enter(State.STOPPED)

    def ended(self) -> bool:
        """After `end`: whether all of it is gone. Who stays beyond the time limit is killed."""
        if not self._prepared():
            return False
        self._release()
        if self.started and self.started.status() is None:
            limit = self.child.stop_within.total_seconds() + REMNANTS
            if time.monotonic() - self._entered > limit:
                self._kill_holders()
            return False
        if self.started:
            self._forget()
            self._enter(State.STOPPED)
        return True

    def _enter(self, state: State, *, due_in: float = 0.0) -> None:
        if state is not self.state:
            self.state, self.since, self._entered = state, self.now(), time.monotonic()
        self.due = time.monotonic() + due_in

    def _begin(self) -> None:
        with self._failing_plainly():
            self._held = self._locked()
            if self._held is not None:
                # In a thread: a first start takes seconds, in which the other children come up.
                self._preparing = Thread(target=self._prepare, args=[self._held], daemon=True)
                self._preparing.start()
                self._enter(State.PREPARING)

    def _prepare(self, lock: int) -> None:
        def once(argv: tuple[str, ...], *, cwd: Path, stdin: str = "") -> str:
            return self.lifeline.run(replace(self.child, argv=argv, cwd=cwd), lock=lock, stdin=stdin)

        try:
            if self.child.prepare:
                self.child.prepare(once)
        except Exception as failure:  # noqa: BLE001 - it is raised where the child is started
            self._failure = failure

    def _start(self) -> None:
        """Starts the program, once its preparation is through."""
        if not self._prepared():
            self.due = time.monotonic() + 0.02
            return
        with self._failing_plainly():
            failure, self._failure = self._failure, None
            if failure:
                self._release()
                raise failure
            try:
                self.started = self._launched()
            finally:
                self._release()  # the wrapper and the program hold the lock from here
            self._enter(State.STARTING)

    def _prepared(self) -> bool:
        return self._preparing is None or not self._preparing.is_alive()

    def _release(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    @contextmanager
    def _failing_plainly(self) -> Iterator[None]:
        """The first start of a child must succeed; a later one is tried again."""
        try:
            yield
        except (EngineFailed, OSError) as failure:
            what = str(failure)
            if isinstance(failure, OSError):
                what = f"{self.child.name} cannot start: {failure}"
            if not self._was_healthy:
                raise EngineFailed(what) from failure
            self._pause(what)

    def _locked(self) -> int | None:
        """The lock that tells whether anybody of an earlier run is still alive; waits for them to end."""
        lock = locked(self.lock)
        if lock is not None:
            self._remnants_since = None
            return lock
        if self._remnants_since is None:
            self._remnants_since = time.monotonic()
            self.say(f"{self.child.name}: waiting for an earlier run to end")
        self._enter(State.WAITING, due_in=0.05)
        limit = self.child.stop_within.total_seconds() + REMNANTS
        if time.monotonic() - self._remnants_since > limit and not self._kill_holders():
            raise EngineFailed(f"{self.child.name}: an earlier run does not end; it holds {self.lock}")
        return None

    def _kill_holders(self) -> bool:
        remnants = holders(self.lock)
        if remnants:
            self.say(f"{self.child.name} does not stop by itself: killing {', '.join(map(str, remnants))}")
        for pid in remnants:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(remnants)

    def _launched(self) -> Started:
        rotate(self.log)
        output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._log_from = os.fstat(output).st_size
            assert self._held is not None
            return self.lifeline.start(self.child, lock=self._held, output=output)
        finally:
            os.close(output)

    def _look(self) -> None:
        """Is it ready? Asked often at first, more seldom later."""
        waited = time.monotonic() - self._entered
        try:
            answers = self.child.healthy()
        except OSError:
            answers = False
        if answers:
            self.say(f"{self.child.name} is {'back' if self.restarts else 'ready'} after {waited:.1f} s")
            self._was_healthy = True
            self._enter(State.HEALTHY)
        elif waited > self.child.ready_within.total_seconds():
            self.end()
        else:
            self.due = time.monotonic() + min(0.2, 0.02 + waited / 20)

    def _ended(self) -> None:
        """The program is gone, and nobody asked the supervisor to stop."""
        assert self.started
        status = self.started.status() or 0
        was, lasted = self.state, time.monotonic() - self._entered
        self._forget()
        if was is State.STOPPING:
            what = f"{self.child.name} was not ready within {self.child.ready_within.total_seconds():g} s"
        else:
            what = f"{self.child.name} {how_ended(status)}"
        if was is State.HEALTHY and lasted >= self.back_off.stable.total_seconds():
            self._quick_failures = 0
        if not self._was_healthy and (was is State.STOPPING or self._quick_failures + 1 >= TRIES):
            raise EngineFailed(f"{what}: {self._last_words()} (see {self.log})")
        self._pause(what)

    def _pause(self, what: str) -> None:
        self._quick_failures += 1
        self.restarts += 1
        pause = self.back_off.pause(self._quick_failures)
        seconds = f"{pause.total_seconds():g} s"
        if pause < self.back_off.longest:
            self.say(f"{what}; starting it again in {seconds}")
        else:
            self.say(
                f"{what}, {self._quick_failures} times now; trying again every {seconds} (see {self.log})"
            )
        self._enter(State.PAUSED, due_in=pause.total_seconds())

    def _forget(self) -> None:
        if self.started:
            self.started.close()
            self.started = None

    def _last_words(self) -> str:
        try:
            with self.log.open("rb") as file:
                file.seek(max(self._log_from, file.seek(0, os.SEEK_END) - 4096))
                return telling_line(file.read().decode(errors="replace"))
        except OSError:
            return "its log cannot be read"


def how_ended(status: int) -> str:
    """
    >>> how_ended(137), how_ended(1)
    ('was killed by SIGKILL', 'ended with status 1')
    """
    number = -status if status < 0 else status - 128
    try:
        return f"was killed by {signal.Signals(number).name}"
    except ValueError:
        return f"ended with status {status}"


def rotate(log: Path, *, limit: int = LOG_BYTES) -> None:
    """A log beyond the limit becomes NAME.log.1, that one NAME.log.2; older ones go."""
    try:
        if log.stat().st_size <= limit:
            return
    except FileNotFoundError:
        return
    for number in range(OLD_LOGS, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        newer = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        if newer.exists():
            newer.replace(older)
