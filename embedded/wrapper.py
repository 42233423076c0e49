"""Starts one program for the supervisor, and ends it with all its descendants when the supervisor is gone.

The supervisor alone holds the write end of the pipe LIFE: end-of-file means that it died, even by SIGKILL.
SIGTERM to the wrapper means: end the program (its own stop signal, then SIGKILL when the time is up).
Other signals go to the program as they come. Runs as `python -I -S wrapper.py LIFE REPORT LOCK STOP_SIGNAL
STOP_SECONDS UID GID CWD PROGRAM ARGUMENT…`, so it imports only what is fast, and nothing of ours.
"""

import ctypes
import os
import select
import signal
import sys
import time
from contextlib import suppress

PROC = os.path.exists("/proc/self/stat")
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
FORWARDED = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
TICK = 0.02  # seconds between two looks at what is still there while ending
LEFTOVERS = 5.0  # seconds that children of a dead program have to end by themselves


def prctl(option: int, value: int) -> None:
    """Linux's process control; elsewhere the pipe and the process group must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants(root: int) -> list[int]:
    """Everyone alive below `root`, by the parent written in /proc."""
    below: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if state != b"Z":
            below.setdefault(int(parent), []).append(int(name))
    found, waiting = [], [root]
    while waiting:
        children = below.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


class Program:
    """The program and everything it starts. As subreaper we inherit even those who leave its group."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.status = os.waitstatus_to_exitcode(status)

    def tell(self, number: int) -> None:
        if self.status is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def tell_all(self, number: int) -> None:
        for pid in self.rest():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def rest(self) -> list[int]:
        """Who is still there, ourselves excepted: our descendants, or without /proc the program's group."""
        if PROC:
            return descendants(os.getpid())
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return []
        except PermissionError:
            pass
        return [-self.pid]

    def gone(self) -> bool:
        self.reap()
        return self.status is not None and not self.rest()

    def gone_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not self.gone():
            if time.monotonic() >= end:
                return False
            time.sleep(TICK)
        return True

    def end(self, stop_signal: int, seconds: float) -> None:
        """The stop signal to the program, which ends its own children; SIGKILL to whoever stays too long."""
        if self.status is None:
            self.tell(stop_signal)
        else:
            self.tell_all(signal.SIGTERM)
        if not self.gone_within(seconds):
            self.tell_all(signal.SIGKILL)
            while not self.gone_within(1):
                self.tell_all(signal.SIGKILL)


class Order:
    """What the supervisor asked for, in the order of the arguments."""

    def __init__(self, words: list[str]) -> None:
        self.life, self.report, self.lock, self.stop_signal = map(int, words[:4])
        self.seconds = float(words[4])
        self.uid, self.gid = int(words[5]), int(words[6])
        self.cwd, self.argv = words[7], words[8:]


def become(order: Order, wrapper: int) -> None:
    """In the forked child: leave the group, change directory, drop privileges, become the program."""
    os.setsid()
    os.chdir(order.cwd)  # before the privileges go: the account may not be able to walk there
    if order.uid >= 0:
        os.setgroups([order.gid])
        os.setgid(order.gid)
        os.setuid(order.uid)
    # After setuid, which clears it. For the case that the wrapper itself is killed.
    prctl(PR_SET_PDEATHSIG, order.stop_signal)
    if os.getppid() != wrapper:
        os._exit(125)
    for number in (*FORWARDED, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    # allow: environment because the program gets what the supervisor gave the wrapper, unread
    os.execve(order.argv[0], order.argv, os.environ)


def started(order: Order) -> Program:
    """Forks the program, and tells the supervisor its process id."""
    wrapper = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            # Inherited by the program and its children: while one of them lives, the lock is held.
            os.set_inheritable(order.lock, True)
            become(order, wrapper)
        except OSError as error:
            os.write(2, f"cannot start {order.argv[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(127)
    with suppress(OSError):  # the supervisor has just died: the pipe LIFE says so in a moment
        os.write(order.report, f"{pid}\n".encode())
    return Program(pid)


def main() -> int:
    order = Order(sys.argv[1:])
    for descriptor in (order.life, order.report, order.lock):
        os.set_inheritable(descriptor, False)
    received: list[int] = []
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (*FORWARDED, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda number, _: received.append(number))
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    if select.select([order.life], [], [], 0)[0]:
        return 0
    program = started(order)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)  # the program alone reads the input
    ending = False
    while program.status is None and not ending:
        readable, _, _ = select.select([order.life, woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
        program.reap()
        while received:
            came = received.pop(0)
            if came in FORWARDED:
                program.tell(came)
            ending = ending or came == signal.SIGTERM
        ending = ending or order.life in readable
    program.end(order.stop_signal, order.seconds if program.status is None else min(order.seconds, LEFTOVERS))
    status = program.status or 0
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    sys.exit(main())
