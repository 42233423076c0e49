"""What the supervisor knows of a program that it keeps running."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from pathlib import Path
from typing import Protocol


class EngineFailed(Exception):
    """An engine cannot run. Its text is one line for the person who started it."""


class Stage(IntEnum):
    """When a child starts: engines first; services once every engine is healthy and its URL is written."""

    ENGINES = 0
    SERVICES = 1


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged account that a child becomes, where the supervisor runs as root."""

    name: str
    uid: int
    gid: int


class Once(Protocol):
    """Runs a program to its end as the child's own account, and returns what it printed.

    It ends with the supervisor as every child does. Raises EngineFailed when the status is not 0.
    """

    def __call__(self, argv: tuple[str, ...], *, cwd: Path, stdin: str = "") -> str: ...


@dataclass(frozen=True, slots=True)
class Child:
    """A program to keep running: how to start it, how to tell that it answers, how to stop it."""

    name: str
    argv: tuple[str, ...]
    healthy: Callable[[], bool]  # asked often while the child starts: it answers within a second or two
    env: Mapping[str, str] = field(default_factory=dict)  # the whole environment, nothing is inherited
    cwd: Path | None = None
    stage: Stage = Stage.SERVICES
    ready_within: timedelta = timedelta(seconds=30)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: timedelta = timedelta(seconds=10)  # then it is killed
    account: Account | None = None
    prepare: Callable[[Once], None] | None = None  # runs before each start, when no remnant is left
