"""How far one sink has come, on disk: the segments it began and those it passed."""

import errno
import logging
import os
import threading
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

from event_log.segments import replace, sync
from foundation.engines.disk import sync_directory

logger = logging.getLogger(__name__)

_COMPACT_BYTES = 256 * 1024
_WORDS = (b"begun", b"passed")


class Cursor:
    """A file of lines `begun ID,ID… CHECKSUM` and `passed ID,ID… CHECKSUM`, each on disk before the call returns.

    The begun segments matter after a crash: a store may hold half of them, so they are offered again, together, before
    any other. A damaged line is left out and its segments offered again, which changes nothing; read wrongly, it would
    pass a segment that no store holds.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self.path = directory / f"{name}.cursor"
        self.begun: tuple[str, ...] = ()
        self.passed: set[str] = set()
        self._changing = threading.Lock()  # the sink's thread moves it while the shipper's thread shortens it
        self._compact_at = _COMPACT_BYTES
        self._load()
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        sync_directory(directory)

    def begin(self, segment_ids: Sequence[str]) -> None:
        """Remember that the sink is about to take these segments together."""
        with self._changing:
            if self.begun != tuple(segment_ids):
                self._append(line("begun", segment_ids))
                self.begun = tuple(segment_ids)

    def finish(self, segment_ids: Sequence[str]) -> None:
        """Remember that the sink holds these segments for good."""
        with self._changing:
            self._append(line("passed", segment_ids))
            self.begun = ()
            self.passed.update(segment_ids)

    def passed_by_now(self) -> frozenset[str]:
        """The segments passed so far whose files may still be there."""
        with self._changing:
            return frozenset(self.passed)

    def forget(self, segment_ids: Collection[str]) -> None:
        """Drop segments whose files have gone for good, and shorten the file when it has grown."""
        with self._changing:
            self.passed.difference_update(segment_ids)
            if os.fstat(self._descriptor).st_size > self._compact_at:
                self._compact()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _load(self) -> None:
        if not self.path.exists():
            return
        data = self.path.read_bytes()
        lines = data.split(b"\n")
        whole = [told for told in lines[:-1] if _is_whole(told)]
        for told in whole:
            word, segment_ids, _ = told.decode().split(" ")
            if word == "begun":
                self.begun = tuple(segment_ids.split(","))
            else:
                self.passed.update(segment_ids.split(","))
                self.begun = ()
        kept = b"".join(told + b"\n" for told in whole)
        if kept != data:
            logger.warning("%s: %d bytes are damaged and left out", self.path.name, len(data) - len(kept))
            replace(self.path, kept)

    def _append(self, line: str) -> None:
        size = os.fstat(self._descriptor).st_size
        try:
            if os.write(self._descriptor, line.encode()) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            sync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, size)  # half a line would swallow the next one
            raise

    def _compact(self) -> None:
        lines = [line("passed", [segment_id]) for segment_id in sorted(self.passed)]
        if self.begun:
            lines.append(line("begun", self.begun))
        data = "".join(lines).encode()
        draft = self.path.with_name(self.path.name + ".new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(draft, flags, 0o640)
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(data)
            sync(descriptor)
            draft.replace(self.path)
        except OSError:
            os.close(descriptor)
            raise
        # Only now: a number closed before may already be another file's, and our lines would go there.
        before, self._descriptor = self._descriptor, descriptor
        os.close(before)
        # When little can be left out, the file must double before it is worth writing again.
        self._compact_at = max(_COMPACT_BYTES, 2 * len(data))
        sync_directory(self.path.parent)


def line(word: str, segment_ids: Sequence[str]) -> str:
    """What the file says of one step, with a checksum.

    >>> line("passed", ["api-7"])
    'passed api-7 ea37fdd9\\n'
    """
    told = f"{word} {','.join(segment_ids)}"
    return f"{told} {zlib.crc32(told.encode()):08x}\n"


def _is_whole(written: bytes) -> bool:
    told, _, checksum = written.rpartition(b" ")
    return told.partition(b" ")[0] in _WORDS and checksum == b"%08x" % zlib.crc32(told)
