"""Keeps worker processes running behind one listening socket: starts a dead one again, ends all of them together.

The socket outlives its workers, so a connection that waits when a worker dies is served by another one. Each worker
holds the read end of a pipe, the parent alone the write end: when the parent is gone, however it died, they end.
"""

import errno
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from types import FrameType

BACKLOG = 2048
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0  # seconds before a worker is started again that has died young
YOUNG = 5.0  # seconds
STOP_WITHIN = 13.0  # seconds; a worker itself gives its requests 10
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class CannotListen(Exception):
    """The address cannot be had. Its text is one line."""


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on: they wait until a worker accepts them. Raises CannotListen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.socket(family, kind, protocol)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen(BACKLOG)
    except OSError as error:
        why = "already in use" if error.errno == errno.EADDRINUSE else error.strerror
        raise CannotListen(f"cannot listen on {host}:{port}: {why}") from error
    return door


@dataclass(slots=True)
class Worker:
    """One place among the workers, and who has it."""

    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    young_deaths: int = 0
    due: float = 0.0  # when to start it, while nobody has the place


@dataclass(slots=True)
class Workers:
    """The workers of one socket."""

    door: socket.socket
    number: int
    _places: list[Worker] = field(default_factory=list)
    _ending: bool = False
    _life: int = -1
    _ready: int = -1
    _tell: int = -1
    _is_serving: bool = False  # whether a worker ever came up

    def run(self) -> int:
        """Return when all have ended: after SIGTERM or SIGINT, or when the first ones cannot start."""
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (*STOP_SIGNALS, signal.SIGCHLD):
            signal.signal(number, self._on_signal)
        # They live with the parent, which closes none of them: the end of the process is what ends the pipe.
        self._life, _ = os.pipe()
        self._ready, self._tell = os.pipe()
        for descriptor in (self.door.fileno(), self._life, self._tell):
            os.set_inheritable(descriptor, True)
        self._places = [Worker() for _ in range(self.number)]
        status = 0
        while not self._ending and status == 0:
            status = self._turn()
            due = min((place.due for place in self._places if place.process is None), default=None)
            wait = None if due is None else max(0.0, due - time.monotonic())
            if status == 0:
                for readable in select.select([woken, self._ready], [], [], wait)[0]:
                    os.read(readable, 4096)
                    self._is_serving = self._is_serving or readable == self._ready
        self._end()
        return status

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._ending = self._ending or number in STOP_SIGNALS

    def _turn(self) -> int:
        """Start who is due, and see who died; a status other than 0 says that nobody can start."""
        for place in self._places:
            if place.process is not None and (status := place.process.poll()) is not None:
                if status > 0 and not self._is_serving:
                    place.process = None
                    return status
                self._died(place, status)
            if place.process is None and place.due <= time.monotonic():
                self._start(place)
        return 0

    def _died(self, place: Worker, status: int) -> None:
        """It is started again at once; one that dies young, and again, after a growing pause."""
        now = time.monotonic()
        is_young = now - place.started_at < YOUNG
        place.young_deaths = place.young_deaths + 1 if is_young else 0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (place.young_deaths - 1)) if is_young else 0.0
        assert place.process is not None
        sys.stderr.write(f"worker {place.process.pid} ended with status {status}; starting another\n")
        place.process, place.due = None, now + pause

    def _start(self, place: Worker) -> None:
        descriptors = (self.door.fileno(), self._life, self._tell)
        place.process = subprocess.Popen(
            [sys.executable, "-m", "gateway.worker", *map(str, (*descriptors, self.number))],
            stdin=subprocess.DEVNULL,
            # It inherits what its parent inherited: the lock by which a supervisor sees who of us is still alive.
            close_fds=False,
        )
        place.started_at = time.monotonic()

    def _end(self) -> None:
        """Ask all to stop; kill who does not."""
        self.door.close()
        living = [place.process for place in self._places if place.process is not None]
        for process in living:
            process.terminate()
        give_up = time.monotonic() + STOP_WITHIN
        for process in living:
            try:
                process.wait(max(0.0, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
