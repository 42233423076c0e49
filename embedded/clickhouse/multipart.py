"""Multipart forms: the query, its parameters, and the files of external tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from embedded.clickhouse.errors import refusal

__all__ = ["Part", "parts_of"]

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^;,\s]+))', re.IGNORECASE)
_NAME = re.compile(r';\s*name=(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))', re.IGNORECASE)
_FILE = re.compile(r";\s*filename\*?=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a form, or a file."""

    name: str
    value: bytes
    is_file: bool


def parts_of(content_type: str, body: bytes) -> Iterator[Part]:
    """The parts of a multipart/form-data body, in order; raises ClickHouseError where it is broken."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise refusal("BAD_ARGUMENTS", "A multipart form needs a boundary")
    line = b"--" + (found.group(1) or found.group(2)).encode("latin-1")
    pieces = (b"\r\n" + body).split(b"\r\n" + line)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise refusal("BAD_ARGUMENTS", "The multipart form is cut off")
    for piece in pieces[1:-1]:
        head, separator, value = piece.partition(b"\r\n\r\n")
        told = head.decode("utf-8", "surrogateescape")
        disposition = next(
            (row for row in told.split("\r\n") if row.lower().startswith("content-disposition:")), ""
        )
        name = _NAME.search(disposition)
        if not separator or name is None:
            raise refusal("BAD_ARGUMENTS", "A part of the multipart form has no name")
        yield Part(name.group(1) or name.group(2), value, _FILE.search(disposition) is not None)
