"""Walks from a listener's songs over those who hear them to what these hear: a linear filter on the listening graph.

    score_uj = k_j^-target  sum over songs i heard by u, listeners v of i and of j of  k_i^-source  n_v^-listener

k are listeners per song, n songs per listener; where play counts are known, the first and the last step of a walk count by
the strength with which the song was heard (`Past.strength`). With listener = 1 and both songs' powers 1/2 it is the linear
part of GF-CF (Shen et al., "How powerful is graph convolution for recommendation?", 2021): similarity of songs in the
degree-normalised matrix. That punishes what is popular as much where it arrives as where it starts; a smaller power for
the target finds more (docs/evaluation.md).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.past import Past


@dataclass(frozen=True, slots=True)
class Paths:
    """Walks of length three; `step` is who heard what, scaled by listener: it is all there is to know."""

    name: ClassVar[str] = "paths"
    source: float
    target: float
    step: Matrix  # float32 [songs × listeners of training], n_v^-listener times the strength with which v heard it
    known: NDArray[np.int64]  # listeners of each song

    @classmethod
    def learn(cls, past: Past, listener: float = 1.0, source: float = 0.5, target: float = 0.3) -> "Paths":
        """The filter with these powers of the degrees."""
        songs = np.diff(past.listens.indptr).clip(1).astype(np.float64)
        scaled = sp.diags_array((songs**-listener).astype(np.float32)) @ past.strength()
        step = sp.csr_array(scaled.T.tocsr())
        step.sort_indices()
        return cls(source, target, step, past.known())

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """The summed weights of all walks [rows × songs]."""
        of_song = self.known.clip(1).astype(np.float64)
        begin = past.taste(rows) @ sp.diags_array((of_song**-self.source).astype(np.float32))
        alike = (begin @ self._heard()).toarray()  # [rows × listeners of training]
        ended = (self.step @ alike.T).T * (of_song**-self.target).astype(np.float32)
        return np.ascontiguousarray(ended, dtype=np.float32)

    def _heard(self) -> Matrix:
        """1 where a listener of training heard a song [songs × listeners]."""
        ones = np.ones(self.step.nnz, np.float32)
        return sp.csr_array((ones, self.step.indices, self.step.indptr), shape=self.step.shape)
