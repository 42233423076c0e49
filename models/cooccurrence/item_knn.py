"""Item-kNN: songs are alike when the same people hear them; a listener likes what is like what they heard.

Source: Sarwar, Karypis, Konstan, Riedl, "Item-based collaborative filtering recommendation algorithms", 2001.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.evaluation.ranking import Scores

BLOCK = 2_000  # songs whose similarities are in memory at once


def cosine_neighbours(heard: Matrix, neighbours: int) -> Matrix:
    """Each song's most similar other songs: float32 [songs × songs], at most `neighbours` cells a row.

        sim(i, j) = |listeners of both| / sqrt(|listeners of i| * |listeners of j|)

    >>> cosine_neighbours(sp.csr_array([[1, 1, 0], [1, 0, 1], [1, 0, 0]]), neighbours=1).toarray().round(3)
    array([[0.   , 0.577, 0.   ],
           [0.577, 0.   , 0.   ],
           [0.577, 0.   , 0.   ]], dtype=float32)
    """
    binary = sp.csr_array((np.ones(heard.nnz, np.float32), heard.indices, heard.indptr), shape=heard.shape)
    length = np.sqrt(np.bincount(heard.indices, minlength=heard.shape[1]).clip(1)).astype(np.float32)
    unit = (binary @ sp.diags_array(1 / length)).tocsr()
    by_song = unit.T.tocsr()
    parts = [
        _strongest(_others(sp.csr_array(by_song[start : start + BLOCK] @ unit), start), neighbours)
        for start in range(0, heard.shape[1], BLOCK)
    ]
    return sp.csr_array(sp.vstack(parts, format="csr")) if parts else sp.csr_array((0, 0), dtype=np.float32)


def _others(similar: Matrix, start: int) -> Matrix:
    """The similarities of the songs from `start` on, without those to themselves."""
    similar.sort_indices()
    rows = np.repeat(np.arange(similar.shape[0]), np.diff(similar.indptr))
    is_other = similar.indices != rows + start
    return sp.csr_array(
        (similar.data[is_other], (rows[is_other], similar.indices[is_other])), shape=similar.shape
    )


def item_knn(heard: Matrix, neighbours: int = 200) -> Scores:
    """Scores a song by the summed similarity to what the listener heard."""
    similar = cosine_neighbours(heard, neighbours)
    binary = sp.csr_array((np.ones(heard.nnz, np.float32), heard.indices, heard.indptr), shape=heard.shape)

    def score(rows: Positions) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = (binary[rows] @ similar.T).toarray()
        return scores

    return score


def _strongest(matrix: Matrix, count: int) -> Matrix:
    """The `count` largest cells of each row; of equal ones the first."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    place = np.arange(matrix.nnz) - matrix.indptr[rows]
    kept = order[place < count]
    return sp.csr_array((matrix.data[kept], (rows[kept], matrix.indices[kept])), shape=matrix.shape)
