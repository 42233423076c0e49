"""Foretells each song from all others by ridge regression, solved in closed form, for the head of the catalogue.

Source: Steck, "Embarrassingly shallow autoencoders for sparse data" (EASE), 2019. With the Gram matrix G = X'X of how strongly who heard what

    P = (G + ridge I)^-1,   B = I - P diag(1 / P_jj),   score_u = x_u B

so that no song foretells itself. Inverting takes songs³, so only the best known songs take part; the others score 0.
Beside it the columns may be divided by powers of their popularity, before and after, as the filters do.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import threadpoolctl
from numpy.typing import NDArray
from scipy.linalg import lapack

from models.arrays import Positions
from models.past import Past

HEAD = 6_000  # songs: some seconds and 150 MB


@dataclass(frozen=True, slots=True)
class Ease:
    """The weight of each song of the head for each other."""

    name: ClassVar[str] = "autoencoder"
    songs: Positions  # the head: columns, ascending
    weights: NDArray[np.float32]  # [head × head], from the song heard to the song foretold

    @classmethod
    def learn(cls, past: Past, ridge: float = 50.0, listener: float = 0.0, head: int = HEAD) -> "Ease":
        """The autoencoder; `listener` is the power by which a listener's n songs damp what they tell, n^-listener."""
        known = past.known()
        songs = np.sort(np.argsort(-known, kind="stable")[:head])
        songs = songs[known[songs] > 0]
        lengths = np.diff(past.listens.indptr).clip(1).astype(np.float64)
        damping = sp.diags_array(
            (lengths ** (-listener / 2) / np.mean(lengths ** (-listener / 2))).astype(np.float32)
        )
        columns = sp.csc_array(damping @ past.strength())[:, songs]
        system = (columns.T @ columns).toarray().astype(np.float32)
        system.flat[:: len(system) + 1] += ridge
        with threadpoolctl.threadpool_limits(1, "blas"):
            factor, _ = lapack.spotrf(system, lower=1, overwrite_a=1)
            inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0)
        return cls(songs, weights.astype(np.float32))

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """The foretold signal [rows × songs]."""
        head = sp.csr_array(sp.csc_array(past.taste(rows))[:, self.songs])
        scores = np.zeros((len(rows), past.shape[1]), np.float32)
        scores[:, self.songs] = head @ self.weights
        return scores
