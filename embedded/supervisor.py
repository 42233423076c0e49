"""Starts the children of one home in order of need, keeps them running, and stops them in reverse order."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread
from types import FrameType

from embedded.child import Child, EngineFailed, Stage
from embedded.keeper import BackOff, Keeper
from embedded.launch import Lifeline
from embedded.state import home_locked, make_folders, write_privately
from foundation.clock import Clock, utc_now

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """One per home. Use `run` for a process of its own, `running` beside other work in this one."""

    def __init__(
        self,
        home: Path,
        children: Sequence[Child],
        say: Callable[[str], None],
        *,
        urls: Mapping[str, str] | None = None,
        back_off: BackOff | None = None,
        now: Clock = utc_now,
    ) -> None:
        self.home, self.say = home.absolute(), say
        self.urls = dict(urls or {})
        self._children, self._back_off, self._now = tuple(children), back_off or BackOff(), now
        self._keepers: list[Keeper] = []
        self._open = ExitStack()
        self._woken, self._wake = -1, -1
        self._ending = False
        self._written: object = None

    def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Starts everything, calls `on_ready`, and keeps it running until SIGINT, SIGTERM or `end`.

        Raises EngineFailed, with everything stopped again, when a child cannot be brought up.
        """
        before = {number: signal.signal(number, self._on_signal) for number in STOP_SIGNALS}
        try:
            self.start()
            if not self._ending:
                on_ready()
            self.watch()
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Starts everything and watches over it from a thread until the block is left."""
        watching = Thread(target=self.watch, name="supervisor", daemon=True)
        try:
            self.start()
            watching.start()
            yield
        finally:
            self.end()
            if watching.is_alive():
                watching.join()
            self.stop()

    def start(self) -> None:
        """Returns when every child has answered, or when `end` was called meanwhile."""
        self._open.enter_context(home_locked(self.home))
        make_folders(self.home / "log")
        lifeline = Lifeline()
        self._open.callback(lifeline.close)
        self._woken, self._wake = os.pipe()
        self._open.callback(os.close, self._woken)
        self._open.callback(os.close, self._wake)
        os.set_blocking(self._wake, False)
        (self.home / "run" / "engines.json").unlink(missing_ok=True)
        self._keepers = [
            Keeper(child, self.home, lifeline, self.say, self._back_off, self._now)
            for child in self._children
        ]
        for stage in Stage:
            waited_for = [keeper for keeper in self._keepers if keeper.child.stage <= stage]
            while not self._ending and not all(keeper.is_up for keeper in waited_for):
                self._turn(waited_for)
            if stage is Stage.ENGINES and not self._ending:
                self._write_urls()

    def watch(self) -> None:
        """Restarts what crashes, until `end` is called."""
        while not self._ending:
            self._turn(self._keepers)

    def end(self) -> None:
        """Asks the supervisor to stop; may be called from a signal handler or another thread."""
        self._ending = True
        if self._wake >= 0:
            with suppress(OSError):  # full: it has been woken already; closed: it has stopped
                os.write(self._wake, b"!")

    def stop(self) -> None:
        """Stops the services, then the engines, each stage from its last child to its first."""
        self._ending = True
        for stage in reversed(Stage):
            leaving = [keeper for keeper in reversed(self._keepers) if keeper.child.stage is stage]
            for keeper in leaving:
                keeper.end()
            self._write_status()
            while leaving:
                leaving = [keeper for keeper in leaving if not keeper.ended()]
                time.sleep(0.02 if leaving else 0)
        if self._keepers:
            for name in ("engines.json", "status.json"):
                (self.home / "run" / name).unlink(missing_ok=True)
        self._keepers = []
        self._wake = -1
        self._open.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.end()

    def _turn(self, keepers: Sequence[Keeper]) -> None:
        for keeper in keepers:
            if not self._ending:
                keeper.turn()
        self._write_status()
        wait = min((keeper.due for keeper in keepers), default=float("inf")) - time.monotonic()
        reports = [keeper.started.report for keeper in keepers if keeper.started]
        select.select([self._woken, *reports], [], [], min(max(wait, 0.0), 60.0))

    def _write_urls(self) -> None:
        try:
            write_privately(self.home / "run" / "engines.json", {"supervisor_pid": os.getpid(), **self.urls})
        except OSError as error:
            raise EngineFailed(f"cannot write in {self.home / 'run'}: {error.strerror}") from error

    def _write_status(self) -> None:
        children = [
            {
                "name": keeper.child.name,
                "pid": keeper.pid,
                "state": keeper.state.value,
                "restarts": keeper.restarts,
                "since": keeper.since.isoformat(),
            }
            for keeper in self._keepers
        ]
        if children == self._written:
            return
        self._written = children
        try:
            write_privately(
                self.home / "run" / "status.json",
                {"supervisor_pid": os.getpid(), "children": children},
                durable=False,
            )
        except OSError as error:  # a full disk must not take the supervisor away as well
            self.say(f"cannot write in {self.home / 'run'}: {error.strerror}")
