"""Small files and locks under a home, by which supervisor, children and commands know of each other."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.child import EngineFailed
from foundation.engines.disk import sync_directory


def write_privately(path: Path, content: object, *, durable: bool = True) -> None:
    """Replaces `path` by `content` as JSON, as `write_text_privately` does."""
    write_text_privately(path, json.dumps(content, indent=1) + "\n", durable=durable)


def write_text_privately(path: Path, text: str, *, durable: bool = True) -> None:
    """Replaces `path` by `text`, whole or not at all, readable by its owner alone."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    fresh.replace(path)
    if durable:
        sync_directory(path.parent)


def make_folders(*folders: Path, mode: int = 0o700) -> None:
    """Makes what is missing. Raises EngineFailed, in one line, when one cannot be made."""
    for folder in folders:
        try:
            folder.mkdir(mode, parents=True, exist_ok=True)
        except OSError as error:
            raise EngineFailed(f"cannot make the folder {folder}: {error.strerror}") from error


def locked(path: Path) -> int | None:
    """A descriptor that holds the lock, or None when somebody else does.

    Whoever inherits the descriptor holds the lock too, until the last of them has closed it or died.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def holders(path: Path) -> list[int]:
    """The processes that hold this file open, ourselves excepted; empty where there is no /proc."""
    try:
        wanted = os.stat(path)
    except OSError:
        return []
    return [
        int(process.name)
        for process in Path("/proc").glob("[1-9]*")
        if process.name != str(os.getpid()) and any(_same(link, wanted) for link in _descriptors(process))
    ]


def _descriptors(process: Path) -> list[Path]:
    try:
        return list((process / "fd").iterdir())
    except OSError:  # it has just ended, or belongs to somebody else
        return []


def _same(link: Path, wanted: os.stat_result) -> bool:
    try:
        found = os.stat(link)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)


@contextmanager
def home_locked(home: Path) -> Iterator[None]:
    """Keeps any other supervisor away from this home. Raises EngineFailed when one is there."""
    path = home / "run" / "supervisor.lock"
    make_folders(home, mode=0o755)
    make_folders(home / "run")
    try:
        descriptor = _patiently_locked(path)
    except OSError as error:
        raise EngineFailed(f"cannot write in {path.parent}: {error.strerror}") from error
    if descriptor is None:
        raise EngineFailed(f"Segue is already running in {home} (process {_written_pid(path) or 'unknown'})")
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _patiently_locked(path: Path) -> int | None:
    """Whoever asks `running_supervisor` holds the lock for an instant, which is not a supervisor."""
    for _ in range(20):
        descriptor = locked(path)
        if descriptor is not None:
            return descriptor
        time.sleep(0.01)
    return None


def running_supervisor(home: Path) -> int | None:
    """The process id of the supervisor that runs on this home now."""
    path = home / "run" / "supervisor.lock"
    try:
        descriptor = locked(path) if path.exists() else os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return None
    if descriptor is None:
        return _written_pid(path)
    os.close(descriptor)
    return None


def _written_pid(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
