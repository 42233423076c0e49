"""Which songs of a version are played together in one sitting: a table of the nearest of each, worked out once."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Matrix, Positions

NEIGHBOURS = 20
LEAST, SHRUNK = (
    2,
    3.0,
)  # what a single listener plays together says nothing to others, and what few do, little


@dataclass(frozen=True)
class Together:
    """Row i are the songs played most beside song i, the most first; without rows nobody knows any sitting."""

    session_neighbours: NDArray[np.int32] = field(
        default_factory=lambda: np.empty((0, 0), np.int32)
    )  # [songs × k], positions of the bundle, -1: none
    session_weights: NDArray[np.float32] = field(
        default_factory=lambda: np.empty((0, 0), np.float32)
    )  # as `models.cooccurrence.sessions` weighs pairs, 0 to 1; 0 for none

    @classmethod
    def of(cls, matrix: Matrix, k: int = NEIGHBOURS) -> Self:
        """The `k` largest cells of each row of how much songs are played together [songs × songs]; of equal ones the first.

        >>> import scipy.sparse as sp
        >>> Together.of(sp.csr_array([[0, 0.5, 0.2], [0.5, 0, 0], [0.2, 0, 0]]), 1).session_neighbours.tolist()
        [[1], [0], [0]]
        """
        songs = matrix.shape[0]
        rows = np.repeat(np.arange(songs), np.diff(matrix.indptr))
        order = np.lexsort((matrix.indices, -matrix.data, rows))
        place = np.arange(matrix.nnz) - matrix.indptr[rows]
        kept, rows, place = order[place < k], rows[place < k], place[place < k]
        places = np.full((songs, k), -1, np.int32)
        weights = np.zeros((songs, k), np.float32)
        places[rows, place] = matrix.indices[kept]
        weights[rows, place] = matrix.data[kept]
        return cls(places, weights)

    def of_songs(self, kept: Positions, songs: int) -> Self:
        """The same of some of its `songs` songs, at these positions, ascending."""
        if not len(self.session_neighbours):
            return self
        moved = np.full(songs + 1, -1, np.int64)  # the last for "none"
        moved[kept] = np.arange(len(kept))
        places = moved[self.session_neighbours[kept]].astype(np.int32)
        return type(self)(places, np.where(places >= 0, self.session_weights[kept], 0))

    def around(self, seeds: Positions) -> tuple[Positions, NDArray[np.float64]]:
        """The neighbours of some songs and their weights, a song as often as it is one; none where no sitting is known."""
        if not len(self.session_neighbours) or not len(seeds):
            return np.empty(0, np.int64), np.empty(0)
        places = self.session_neighbours[seeds].ravel().astype(np.int64)
        weights = self.session_weights[seeds].ravel().astype(np.float64)
        return places[places >= 0], weights[places >= 0]
