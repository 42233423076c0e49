"""Rows of fixed width as COPY … (FORMAT binary) of Postgres takes them, and lists of ids, made of whole columns at once."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from numpy.typing import NDArray
from psycopg.abc import Buffer

_BEGINNING = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, and nothing more in the header
_END = b"\xff\xff"
_EPOCH_US = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000  # of Postgres's times, in Unix's
_SIZES = {
    "bigint": ">i8",
    "integer": ">i4",
    "smallint": ">i2",
    "boolean": "u1",
    "timestamptz": ">i8",
}
FOR_EVER = 2**63 - 1  # the moment `infinity`, as `moment` tells moments


def copied(columns: Mapping[str, tuple[str, pa.Array]]) -> bytes:
    """The rows of some columns, each told by its type in Postgres and its values, none of which is null.

    Values of uuid and of text are binary of one width; a moment may be a number as `moment` gives it, as bigint.
    """
    count = len(next(iter(columns.values()))[1])
    form = [("fields", ">i2")]
    for name, (kind, values) in columns.items():
        form += [(f"length of {name}", ">i4"), (name, _SIZES.get(kind) or f"V{values.type.byte_width}")]
    rows = np.empty(count, form)
    rows["fields"] = len(columns)
    for name, (kind, values) in columns.items():
        rows[f"length of {name}"] = rows.dtype[name].itemsize
        rows[name] = _values(kind, values)
    return b"".join((_BEGINNING, rows.tobytes(), _END))


class Ids:
    """A column of ids of 16 bytes, none of which is null, as a parameter of type uuid[]: no object for any of them."""

    def __init__(self, ids: pa.Array) -> None:
        self.ids = ids


class _IdsDumper(psycopg.adapt.Dumper):
    format = psycopg.pq.Format.BINARY
    oid = psycopg.adapters.types["uuid"].array_oid

    def dump(self, obj: Ids) -> Buffer:
        count = len(obj.ids)
        items = np.empty(count, [("length", ">i4"), ("id", "V16")])
        items["length"], items["id"] = 16, _values("uuid", obj.ids)
        header = np.array([1, 0, psycopg.adapters.types["uuid"].oid, count, 1], ">i4")
        return header.tobytes() + items.tobytes()


def takes_ids(db: psycopg.Connection) -> None:
    """Let a connection take Ids as parameters."""
    db.adapters.register_dumper(Ids, _IdsDumper)


def moment(at: datetime) -> int:
    """A moment as Postgres writes it in binary: microseconds since 2000."""
    return (at - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _values(kind: str, values: pa.Array) -> NDArray[Any]:
    if kind == "timestamptz":
        since: NDArray[Any] = values.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
        return since - _EPOCH_US
    if kind not in _SIZES:
        told: NDArray[Any] = np.frombuffer(values.buffers()[1], f"V{values.type.byte_width}")
        return told[values.offset : values.offset + len(values)]
    numbers: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return numbers
