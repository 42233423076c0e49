"""Rows of fixed width as COPY … (FORMAT binary) of Postgres takes them, made of whole columns at once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_BEGINNING = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, and nothing more in the header
_END = b"\xff\xff"
_EPOCH_US = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000  # of Postgres's times, in Unix's
_SIZES = {
    "bigint": ">i8",
    "integer": ">i4",
    "smallint": ">i2",
    "boolean": "u1",
    "timestamptz": ">i8",
    "uuid": "V16",
}


def copied(columns: Mapping[str, tuple[str, pa.Array]]) -> bytes:
    """The rows of some columns, each told by its type in Postgres and its values, none of which is null."""
    count = len(next(iter(columns.values()))[1])
    form = [("fields", ">i2")]
    for name, (kind, _) in columns.items():
        form += [(f"length of {name}", ">i4"), (name, _SIZES[kind])]
    rows = np.empty(count, form)
    rows["fields"] = len(columns)
    for name, (kind, values) in columns.items():
        rows[f"length of {name}"] = np.dtype(_SIZES[kind]).itemsize
        rows[name] = _values(kind, values)
    return b"".join((_BEGINNING, rows.tobytes(), _END))


def _values(kind: str, values: pa.Array) -> NDArray[Any]:
    if kind == "uuid":
        ids: NDArray[Any] = np.frombuffer(values.buffers()[1], "V16")
        return ids[values.offset : values.offset + len(values)]
    if kind == "timestamptz":
        since: NDArray[Any] = values.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
        return since - _EPOCH_US
    told: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return told
