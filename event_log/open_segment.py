"""The one segment a worker is writing: bytes are on disk when `append` returns, or they are not in the file."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from event_log.segments import CLOSED, OPEN, PREAMBLE, is_at, sync
from foundation.engines.disk import sync_directory


class OpenSegment:
    """An open segment file; its lock tells the shipper that the writer lives."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.size = len(PREAMBLE)  # every byte up to here is on disk
        self._descriptor = descriptor

    @classmethod
    def create(cls, directory: Path, segment_id: str) -> "OpenSegment | None":
        """A new, locked segment; None when a shipper took the empty file for an abandoned one before we locked it.

        Raises OSError, leaving no file, when the disk does not take it.
        """
        path = directory / f"{segment_id}{OPEN}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not is_at(descriptor, path):
                os.close(descriptor)
                return None
            _write(descriptor, PREAMBLE)
            sync_directory(directory)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        return cls(path, descriptor)

    @property
    def is_empty(self) -> bool:
        """Whether it holds no record."""
        return self.size == len(PREAMBLE)

    def append(self, records: bytes) -> None:
        """Write and sync; raises OSError, after which the segment must be closed and not written again.

        After a failed sync the kernel may drop the pages and call the next sync a success, so there is no second try.
        """
        try:
            _write(self._descriptor, records)
            sync(self._descriptor)
        except OSError:
            with suppress(OSError):  # what stays was never acknowledged; recovery takes it or cuts it
                os.ftruncate(self._descriptor, self.size)
                sync(self._descriptor)
            raise
        self.size += len(records)

    def close(self) -> None:
        """Hand it to the shipper, or remove it when it is empty. Whatever fails here, the shipper adopts the file."""
        try:
            with suppress(OSError):
                if self.is_empty:
                    self.path.unlink()
                else:
                    self.path.rename(self.path.with_suffix(CLOSED))
                sync_directory(self.path.parent)
        finally:
            os.close(self._descriptor)


def _write(descriptor: int, data: bytes) -> None:
    """All of it: a write may take less than it was given."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
