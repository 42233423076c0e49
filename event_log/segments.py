"""The file format of the log: whole records, each with its length and checksum, readable whatever was damaged.

A segment is `PREAMBLE` and then records: marker, length, CRC-32 of length and payload, payload. A payload is JSON,
which cannot contain the marker's first byte (no UTF-8 text holds 0xFF), so reading can resume behind any damage.
"""

import base64
import fcntl
import json
import logging
import os
import struct
import sys
import zlib
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from foundation.engines.disk import sync_directory

logger = logging.getLogger(__name__)

PREAMBLE = b"segue log 1\n"
MARKER = b"\xffSEG"
OPEN, CLOSED, DAMAGED = ".open", ".segment", ".damaged"

_LENGTH = struct.Struct("<I")
_HEADER = struct.Struct("<4sII")  # marker, length of the payload, checksum


class Span(NamedTuple):
    """A stretch of a file that belongs to no whole record."""

    offset: int
    length: int


class Contents(NamedTuple):
    """What a segment holds: the payloads of its whole records, and where it is damaged."""

    payloads: list[bytes]
    damage: list[Span]


def record(payload: bytes) -> bytes:
    """A payload with the header that makes it a record. Raises struct.error from 4 GiB on."""
    length = _LENGTH.pack(len(payload))
    return b"".join((MARKER, length, _LENGTH.pack(_checksum(length, payload)), payload))


def contents(data: bytes) -> Contents:
    """Everything whole in the bytes of a segment, in order, and the spans that are not.

    >>> whole = PREAMBLE + record(b"[1]") + record(b"[2]")
    >>> contents(whole[:-1])
    Contents(payloads=[b'[1]'], damage=[Span(offset=27, length=14)])
    """
    payloads: list[bytes] = []
    damage: list[Span] = []
    position = len(PREAMBLE) if data.startswith(PREAMBLE) else 0
    while position < len(data):
        end = _end_of_record(data, position)
        if end is None:
            resumed = _next_record(data, position + 1)
            damage.append(Span(position, resumed - position))
            position = resumed
        else:
            payloads.append(data[position + _HEADER.size : end])
            position = end
    return Contents(payloads, damage)


def adopt(path: Path) -> bool:
    """Close the open segment of a writer that died: keep what is whole, rename it. False while its writer lives."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    with closing(os.fdopen(descriptor, "rb")) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if not is_at(file.fileno(), path):  # its writer closed it between our look and our lock
            return False
        if read(path):
            os.fsync(file.fileno())
            path.rename(path.with_suffix(CLOSED))
        else:
            path.unlink()
        sync_directory(path.parent)
    return True


def read(path: Path) -> list[bytes]:
    """The payloads of a segment that nobody writes any more.

    Damaged bytes are cut out of it, kept beside it in a `.damaged` file, and told in the log of the process.
    """
    data = path.read_bytes()
    payloads, damage = contents(data)
    if damage:
        quarantine(
            path, [(span.offset, data[span.offset : span.offset + span.length]) for span in damage], "damaged"
        )
        replace(path, PREAMBLE + b"".join(record(payload) for payload in payloads))
    return payloads


def quarantine(segment: Path, pieces: list[tuple[int, bytes]], reason: str) -> None:
    """Keep bytes that cannot be read as JSON lines in a `.damaged` file beside their segment, and say so."""
    kept = segment.with_suffix(DAMAGED)
    lines = [
        json.dumps({"reason": reason, "offset": offset, "base64": base64.b64encode(piece).decode()})
        for offset, piece in pieces
    ]
    before = kept.read_text() if kept.exists() else ""
    fresh = [line + "\n" for line in lines if line not in before]
    replace(kept, (before + "".join(fresh)).encode())
    size = sum(len(piece) for _, piece in pieces)
    logger.warning(
        "%s: %d bytes of %s are %s; kept in %s", segment.stem, size, segment.name, reason, kept.name
    )


def replace(path: Path, data: bytes) -> None:
    """Write a file as a whole, on disk before this returns: a reader sees the old bytes or the new, never a part."""
    draft = path.with_name(path.name + ".new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)


def sync(descriptor: int) -> None:
    """Bring what was written to an open file to the disk itself."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # its fsync stops at the drive's cache
    else:
        os.fdatasync(descriptor)


def is_at(descriptor: int, path: Path) -> bool:
    """Whether `path` still names the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _checksum(length: bytes, payload: bytes | memoryview) -> int:
    return zlib.crc32(payload, zlib.crc32(length))


def _end_of_record(data: bytes, position: int) -> int | None:
    """Where the record that begins at `position` ends; None when there is no whole one."""
    start = position + _HEADER.size
    if start > len(data):
        return None
    marker, length, checksum = _HEADER.unpack_from(data, position)
    end = start + length
    if marker != MARKER or not length or end > len(data):
        return None
    is_whole = _checksum(_LENGTH.pack(length), memoryview(data)[start:end]) == checksum
    return end if is_whole else None


def _next_record(data: bytes, position: int) -> int:
    """Where the next whole record begins, from `position` on; the end of the data when there is none."""
    while (found := data.find(MARKER, position)) >= 0:
        if _end_of_record(data, found) is not None:
            return found
        position = found + 1
    return len(data)
