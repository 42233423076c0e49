"""The shapes that the numerics pass around, so that signatures can name them."""

from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Factors: TypeAlias = NDArray[np.float32]  # [rows × factors]
Positions: TypeAlias = NDArray[np.int64]  # rows or columns of a matrix, -1 for none
Matrix: TypeAlias = sp.csr_array  # [listeners × songs], compressed by rows


def once(values: Positions) -> Positions:
    """The values, each once, ascending. numpy's own takes twenty times as long for the hundreds that a request has.

    >>> once(np.array([5, 2, 5])).tolist()
    [2, 5]
    """
    ordered = np.sort(values)
    is_first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return ordered[is_first]


def among(values: Positions, ascending: Positions) -> NDArray[np.bool_]:
    """Of each value, whether it is among ascending ones.

    >>> among(np.array([5, 1, 2]), np.array([2, 5])).tolist()
    [True, False, True]
    """
    if not len(ascending):
        return np.zeros(len(values), np.bool_)
    found: NDArray[np.bool_] = ascending.take(ascending.searchsorted(values), mode="clip") == values
    return found
