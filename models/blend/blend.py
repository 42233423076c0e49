"""Adds the scores of several retrievers, each as a part of its best unheard song for that listener.

    score_ui = sum over members m of  weight_m s_mui / max over songs j unheard by u of s_muj

Scaling by the row's maximum is what makes a filter, a factor model and an autoencoder comparable (as in GF-CF, Shen et al.,
2021). A millionth of the song's popularity breaks ties, so that a listener without any history gets the most popular.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.past import Past
from models.retriever import Retriever

TIE = 1e-6


@dataclass(frozen=True, slots=True)
class Blend:
    """Retrievers and their weights."""

    name: ClassVar[str] = "blend"
    members: tuple[Retriever, ...]
    weights: tuple[float, ...]
    known: NDArray[np.int64]  # listeners of each song

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """The weighted sum [rows × songs]."""
        popularity = self.known / max(int(self.known.max(initial=0)), 1)
        total = np.tile((TIE * popularity).astype(np.float32), (len(rows), 1))
        heard = past.listens[rows]
        for member, weight in zip(self.members, self.weights, strict=True):
            scaled = on_one_scale(member.scores(past, rows), heard)
            scaled *= np.float32(weight)
            total += scaled
        return total


def on_one_scale(scores: NDArray[np.float32], heard: Matrix) -> NDArray[np.float32]:
    """The scores, changed in place: each row divided by its best unheard score, and 0 where that is not positive.

    >>> import scipy.sparse as sp
    >>> on_one_scale(np.array([[9.0, 4.0, 2.0], [0.0, 0.0, 0.0]], np.float32), sp.csr_array([[1, 0, 0], [0, 0, 0]])).tolist()
    [[0.0, 1.0, 0.5], [0.0, 0.0, 0.0]]
    """
    scores[np.repeat(np.arange(heard.shape[0]), np.diff(heard.indptr)), heard.indices] = 0
    best = scores.max(axis=1, keepdims=True, initial=0)
    np.divide(scores, best, out=scores, where=best > 0)
    scores[best[:, 0] <= 0] = 0
    return scores
