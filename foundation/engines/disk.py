"""Writing files so that what was acknowledged is still there after a power cut."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from foundation.errors import NoRoom

_PIECE = 2**20  # bytes copied at a time


@contextmanager
def room_for(what: str) -> Iterator[None]:
    """Raises NoRoom where what is written meanwhile finds the disk full."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise NoRoom(f"there is no room for {what} at the moment") from error


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory durable; a rename is not on disk before this."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(root: Path) -> None:
    """Makes every file and directory under `root` durable, `root` included."""
    for directory, _, names in os.walk(root, topdown=False):
        for name in names:
            descriptor = os.open(Path(directory, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_directory(Path(directory))


def make_directory(directory: Path) -> None:
    """Makes a directory with its parents, durably; one that is there already is left as it is."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for path in reversed(missing):
        sync_directory(path.parent)


def replace_file(path: Path, content: bytes | IO[bytes]) -> None:
    """Gives `path` new content, bytes or a file's rest: readers see the old or the new, and on return the new is on disk."""
    make_directory(path.parent)
    # object_store, which lists our blobs, takes "#" and digits at the end of a name for an unfinished upload.
    unfinished = path.with_name(f"{path.name}#{secrets.randbits(63)}")
    try:
        with unfinished.open("xb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                shutil.copyfileobj(content, file, _PIECE)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
