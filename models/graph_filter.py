"""What a filter of the listening graph knows of a version's songs: one row a song, and no more is needed to ask it live."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Positions
from models.graph.low_pass import singular
from models.past import Past

VECTORS = 128
# The powers by which the matrix is divided, of listeners and of songs heard, and that of a song to be found.
LISTENER, SONG, TARGET = 0.3, 0.4, 0.2
LEAST = 4  # as many listeners and songs as vectors at least, times this: beyond it vectors are noise


@dataclass(frozen=True)
class GraphFilter:
    """The low-pass filter of `models.graph.low_pass` as it is served; without rows nobody knows any graph.

    Who heard songs h with strengths x_h = ln(1 + listens) is the row sum_h x_h source_h v_h, divided by what the songs heard
    themselves have on average, so that 1 is as good as these:

        score_ui = target_i v_i . row_u
    """

    filter_vectors: Factors = field(
        default_factory=lambda: np.empty((0, 0), np.float32)
    )  # [songs × vectors], zeros for a song that nobody has heard
    filter_source: NDArray[np.float32] = field(
        default_factory=lambda: np.empty(0, np.float32)
    )  # [songs]: how much a song counts as one heard; 0 where nobody has heard it
    filter_target: NDArray[np.float32] = field(
        default_factory=lambda: np.empty(0, np.float32)
    )  # [songs]: and as one to be found

    @classmethod
    def learn(cls, past: Past, seed: int, vectors: int = VECTORS) -> Self:
        """The filter of a past; of a small one with fewer vectors. The same for the same seed."""
        most = max(min(past.shape) // LEAST, 1)
        return cls.of(singular(past, min(vectors, most), LISTENER, SONG, seed), past.known())

    @classmethod
    def of(cls, vectors: Factors, known: NDArray[np.int64]) -> Self:
        """The filter of singular vectors [songs × vectors] and the number of listeners of each song."""
        listeners = known.clip(1).astype(np.float64)
        source = np.where(known > 0, listeners**-SONG, 0)
        return cls(vectors, source.astype(np.float32), (listeners**TARGET).astype(np.float32))

    def of_songs(self, kept: Positions) -> Self:
        """The same of some of its songs, at these positions, ascending."""
        if not len(self.filter_vectors):
            return self
        vectors = np.ascontiguousarray(self.filter_vectors[kept])
        return type(self)(vectors, self.filter_source[kept], self.filter_target[kept])

    def row(self, songs: Positions, listens: NDArray[np.float32]) -> Factors | None:
        """The row [vectors] of whoever heard these songs so often; None where the filter knows none of the songs.

        >>> two = GraphFilter.of(np.array([[1], [1], [0]], np.float32), np.array([1, 1, 0]))
        >>> two.scores(np.array([0, 1, 2]), two.row(np.array([0]), np.ones(1, np.float32))).tolist()
        [1.0, 1.0, 0.0]
        """
        if not len(self.filter_vectors) or not len(songs):
            return None
        source = self.filter_source[songs]
        known = np.count_nonzero(source)  # the rows of the others are zeros
        sums = np.stack([np.log1p(listens) * source, self.filter_target[songs]]) @ self.filter_vectors.take(
            songs, axis=0
        )
        own = float(sums[0] @ sums[1])  # what the songs heard have, added up
        return sums[0] * np.float32(known / own) if own > 0 else None

    def scores(self, songs: Positions, row: Factors) -> NDArray[np.float32]:
        """How well these songs suit the listener of a row, each summed by itself: the others asked for change nothing."""
        products: NDArray[np.float32] = np.vecdot(self.filter_vectors.take(songs, axis=0), row)
        return products * self.filter_target[songs]
