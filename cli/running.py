"""Engines for the length of a command: the ones that run, or ones started for it and stopped after the last user."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli import platform, say
from foundation import settings as foundation_settings
from foundation.errors import NotRunning
from foundation.settings import Settings


@contextmanager
def running(settings: Settings) -> Iterator[Settings]:
    """The settings with real URLs; starts the engines and the shipper when nothing runs on this home.

    Every command holds a shared lock meanwhile, so that who started the engines stops them under nobody else.
    """
    with _opened(settings, "starting.lock") as starting, _opened(settings, "commands.lock") as users:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        is_ours = _connected(settings) is None
        if is_ours:
            say.line(
                "Segue is not running: starting its engines for this command (./segue up --detach keeps them)."
            )
            platform.start_detached(settings, port=None, with_api=False)
        fcntl.flock(starting, fcntl.LOCK_UN)
        try:
            yield foundation_settings.connected(settings)
        finally:
            if is_ours:
                fcntl.flock(users, fcntl.LOCK_EX)  # waits for the commands that use them too
                platform.stop(settings)


@contextmanager
def _opened(settings: Settings, name: str) -> Iterator[int]:
    path: Path = settings.run_dir / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise platform.CannotStart(f"cannot write in {path.parent}: {error.strerror}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _connected(settings: Settings) -> Settings | None:
    try:
        return foundation_settings.connected(settings)
    except NotRunning:
        return None
