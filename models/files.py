"""Arrays and rows as the bytes of a file, for those who keep them among the blobs, and back."""

import io
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def npy(array: NDArray[Any]) -> bytes:
    """An array as a file of numpy's.

    >>> array_of(npy(np.array([1, 2]))).tolist()
    [1, 2]
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def array_of(content: bytes) -> NDArray[Any]:
    """The array of such a file. Raises ValueError for anything else."""
    array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    return array


def parquet(rows: pl.DataFrame) -> bytes:
    """Rows as a Parquet file, which `polars.read_parquet` reads."""
    buffer = io.BytesIO()
    rows.write_parquet(buffer)
    return buffer.getvalue()
