"""Keeps the broad tastes of the listening graph and drops the rest: an ideal low-pass filter by singular vectors.

With the matrix N = D_n^-listener R D_k^-song of how strongly who heard what, n songs per listener and k listeners per song, and the
right singular vectors V of its largest singular values:

    score_u = x_u D_k^-song V V' D_k^target

for the row x_u of how strongly u heard what (`Past.strength`). It is the other part of GF-CF (Shen et al., 2021, with all powers 1/2). The score is an
inner product: of the sum of `source` rows of the songs heard, and a `target` row.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import threadpoolctl
from numpy.typing import NDArray

from models.arrays import Factors, Matrix, Positions
from models.past import Past

ROUNDS = 4  # of subspace iteration
SPARE = 20  # more vectors than wanted, for accuracy
NOTHING = 1e-6  # of the greatest squared singular value: as exact as single precision is


@dataclass(frozen=True, slots=True)
class LowPass:
    """Two rows for each song: as one heard, and as one to be found."""

    name: ClassVar[str] = "low pass"
    source: Factors  # [songs × vectors]
    target: Factors

    @classmethod
    def learn(
        cls,
        past: Past,
        vectors: int = 256,
        listener: float = 0.5,
        song: float = 0.5,
        target: float = 0.5,
        seed: int = 1,
    ) -> "LowPass":
        """The filter that keeps so many vectors, fewer where the matrix has fewer."""
        return cls.of(singular(past, vectors, listener, song, seed), past, vectors, song, target)

    @classmethod
    def of(cls, right: Factors, past: Past, vectors: int, song: float, target: float) -> "LowPass":
        """The filter of the first vectors of those that `singular` found."""
        known = past.known().clip(1).astype(np.float64)[:, None]
        kept = right[:, :vectors].astype(np.float64)
        return cls((known**-song * kept).astype(np.float32), (known**target * kept).astype(np.float32))

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """The filtered signal [rows × songs]."""
        with threadpoolctl.threadpool_limits(1, "blas"):
            taste = past.taste(rows) @ self.source
            scores: NDArray[np.float32] = taste @ self.target.T
        return scores


def singular(past: Past, vectors: int, listener: float, song: float, seed: int) -> Factors:
    """The right singular vectors of the normalised matrix [songs × vectors], of the largest singular value first.

    Randomised subspace iteration (Halko, Martinsson, Tropp, 2011) with one BLAS thread: the same for the same seed.
    """
    songs = np.diff(past.listens.indptr).clip(1).astype(np.float64)
    known = past.known().clip(1).astype(np.float64)
    left = sp.diags_array((songs**-listener).astype(np.float32))
    normal: Matrix = sp.csr_array(left @ past.strength() @ sp.diags_array((known**-song).astype(np.float32)))
    turned = sp.csr_array(normal.T.tocsr())
    wanted = min(vectors + SPARE, *normal.shape)
    basis = np.random.default_rng(seed).standard_normal((normal.shape[1], wanted)).astype(np.float32)
    with threadpoolctl.threadpool_limits(1, "blas"):
        for _ in range(ROUNDS):
            basis = _orthonormal(turned @ (normal @ basis))
        basis = _orthonormal(basis)  # once more, for what single precision lost
        seen = normal @ basis
        squares, inner = np.linalg.eigh((seen.T @ seen).astype(np.float64))
        inner[:, squares <= NOTHING * squares[-1]] = 0  # directions in which nobody listens to anything
        found: Factors = np.ascontiguousarray((basis @ inner[:, ::-1].astype(np.float32))[:, :vectors])
    return found


def _orthonormal(basis: Factors) -> Factors:
    """Columns that span the same and are orthonormal, by Cholesky's root of their products: a fifth of the time of a QR.

    Where columns depend on others so much that there is no root, as with few listeners who all like the same, by a QR.
    """
    gram = (basis.T @ basis).astype(np.float64)
    gram.flat[:: len(gram) + 1] += 1e-7 * np.trace(gram) / len(gram)  # where a column depends on others
    try:
        root = np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        return np.linalg.qr(basis.astype(np.float64)).Q.astype(np.float32)
    inverse = np.linalg.inv(root).T
    turned: Factors = basis @ inverse.astype(np.float32)
    return turned
