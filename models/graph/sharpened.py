"""Sharpens what a retriever says: takes away what one more walk through the graph of listening would make of it.

With N = D_n^-1/2 B D_k^-1/2 of who heard what, n songs per listener and k listeners per song, and the inner retriever's scores s_u

    score_u = s_u (I - step N' N)

Walks blur: each spreads a score over what the same people heard, until all that is left is what everybody hears. A step the other
way leaves what is the listener's own. It is one step of sharpening in Choi et al., "Blurring-sharpening process models for
collaborative filtering", SIGIR 2023, of whichever filter.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.past import Past
from models.retriever import Retriever

STEP = 0.9  # less than 1: a whole step would leave nothing of a taste that is all there is


@dataclass(frozen=True, slots=True)
class Sharpened:
    """Another retriever, sharpened."""

    name: ClassVar[str] = "sharpened"
    inner: Retriever
    step: float
    graph: Matrix  # N, float32 [listeners of training × songs]

    @classmethod
    def of(cls, inner: Retriever, past: Past, step: float = STEP) -> "Sharpened":
        """A retriever that was learnt from this past."""
        songs = np.diff(past.listens.indptr).clip(1).astype(np.float64)
        known = past.known().clip(1).astype(np.float64)
        left, right = (sp.diags_array((degree**-0.5).astype(np.float32)) for degree in (songs, known))
        return cls(inner, step, sp.csr_array(left @ past.binary() @ right))

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """The inner retriever's scores without what is blurred of them [rows × songs]."""
        told = self.inner.scores(past, rows)
        blurred = self.graph.T @ (self.graph @ np.ascontiguousarray(told.T))
        told -= np.float32(self.step) * blurred.T
        return told
