"""The shapes that the numerics pass around, so that signatures can name them."""

from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Factors: TypeAlias = NDArray[np.float32]  # [rows × factors]
Positions: TypeAlias = NDArray[np.int64]  # rows or columns of a matrix, -1 for none
Matrix: TypeAlias = sp.csr_array  # [listeners × songs], compressed by rows
