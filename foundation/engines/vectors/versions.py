"""A directory of versions on local disk: built aside, renamed into place, flipped to, leased, retired."""

import fcntl
import json
import os
import shutil
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from foundation.engines.disk import make_directory, replace_file, sync_directory, sync_tree
from foundation.engines.vectors.port import UnknownVersion


@dataclass(frozen=True, slots=True)
class Versions:
    """One collection's versions.

    CURRENT               the version that serves
    versions/NAME/        a published version: `number` tells the order of publishing, readers lock `lease`
    unfinished/           what is being built, under the lock `building`; the next publisher clears it away
    retired/              what is being deleted, under the lock `changing`, which a flip holds too

    Two locks, so that a rollback need not wait for a build.
    """

    directory: Path

    def names(self) -> list[str]:
        """The published versions, the oldest first."""
        numbers = self._numbers()
        return sorted(numbers, key=lambda name: numbers[name])

    def folder(self, version: str) -> Path:
        """Where a published version is; whoever holds no lease of it may find it gone."""
        return self._published / version

    def current(self) -> str | None:
        """The version the pointer names."""
        try:
            return self._pointer.read_text()
        except FileNotFoundError:
            return None

    def add(self, version: str, build: Callable[[Path], None]) -> None:
        """Lets `build` fill a directory, makes it durable, then visible; leaves a version that exists."""
        with self._holding("building"):
            if (self._published / version).exists():
                return
            aside = _emptied(self.directory / "unfinished") / version
            aside.mkdir()
            try:
                build(aside)
                (aside / "number").write_text(json.dumps(1 + max(self._numbers().values(), default=0)))
                (aside / "lease").touch()
                sync_tree(aside)
                aside.rename(self._published / version)
            except BaseException:
                shutil.rmtree(aside, ignore_errors=True)
                raise
            sync_directory(self._published)

    def flip(self, version: str) -> None:
        """Points at a published version."""
        with self._holding("changing"):
            if not (self._published / version).exists():
                raise self._unknown(version)
            replace_file(self._pointer, version.encode())

    def retire(self, keep: int) -> list[str]:
        """Deletes all but the newest `keep`, the current one, and those a reader holds."""
        with self._holding("changing"):
            names, current = self.names(), self.current()
            trash = _emptied(self.directory / "retired")
            old = [name for name in names[: max(len(names) - keep, 0)] if name != current]
            return [name for name in old if self._delete_unless_leased(name, trash)]

    def lease(self, version: str) -> "Lease":
        """Holds a version until the lease is forgotten. Raises UnknownVersion."""
        directory = self.folder(version)
        try:
            descriptor = os.open(directory / "lease", os.O_RDONLY)
        except FileNotFoundError:
            raise self._unknown(version) from None
        lease = Lease(directory, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        # Whoever retires locks it, then moves the directory away: having waited for that, we hold nothing.
        if not directory.exists():
            raise self._unknown(version)
        return lease

    @property
    def _published(self) -> Path:
        return self.directory / "versions"

    @property
    def _pointer(self) -> Path:
        return self.directory / "CURRENT"

    def _unknown(self, version: str) -> UnknownVersion:
        names = self.names()
        return UnknownVersion(
            f"{self.directory.name} has no version {version}: never published, or retired",
            version=version,
            published=names,
        )

    def _numbers(self) -> dict[str, int]:
        numbers: dict[str, int] = {}
        for path in self._published.glob("*/number") if self._published.is_dir() else ():
            with suppress(FileNotFoundError):  # retired while we were looking
                numbers[path.parent.name] = int(json.loads(path.read_bytes()))
        return numbers

    @contextmanager
    def _holding(self, name: str) -> Iterator[None]:
        make_directory(self._published)
        lock = os.open(self.directory / name, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _delete_unless_leased(self, version: str, trash: Path) -> bool:
        directory = self._published / version
        lease = os.open(directory / "lease", os.O_RDONLY)
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            directory.rename(trash / version)
        except BlockingIOError:
            return False
        finally:
            os.close(lease)
        sync_directory(self._published)
        shutil.rmtree(trash / version)
        return True


def _emptied(directory: Path) -> Path:
    """The directory without what somebody who was killed left in it."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(exist_ok=True)
    return directory


class Lease:
    """A version that nobody deletes while this object lives; the kernel frees it when the process dies."""

    def __init__(self, directory: Path, descriptor: int) -> None:
        self.directory = directory
        # Not a close(): a query of another thread may still be reading, and only the last reference knows.
        weakref.finalize(self, os.close, descriptor)
