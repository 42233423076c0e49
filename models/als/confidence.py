"""How sure we are that a listener likes a song, from how often they listened to it and how many others do."""

from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix
from models.past import loudness

Weighting = Literal["binary", "log"]


def confidence(listens: Matrix, weighting: Weighting, alpha: float, damping: float = 0.0) -> Matrix:
    """The confidence of every heard pair, float32 [listeners × songs]; an unheard pair has confidence 1.

        c_ui = alpha * w_ui * d_i

        binary   w_ui = 1
        log      w_ui = ln(1 + n_ui), divided by its mean over the songs of listener u
        d_i      = (k_i / mean of k over all heard pairs) ^ -damping,  k_i = listeners of song i

    Dividing by the listener's mean makes a heavy listener no louder than a light one. Damping trusts a listen to what
    few people know more than one to what everybody plays; 0 trusts all alike.

    >>> confidence(sp.csr_array([[1.0, 0.0, 100.0]]), "log", 2.0).data.round(2)
    array([0.52, 3.48], dtype=float32)
    """
    weights = _weights(listens, weighting) * damping_of_songs(listens, damping)[listens.indices] * alpha
    return sp.csr_array((weights.astype(np.float32), listens.indices, listens.indptr), shape=listens.shape)


def _weights(listens: Matrix, weighting: Weighting) -> NDArray[np.float64]:
    return np.ones(listens.nnz) if weighting == "binary" else loudness(listens)


def damping_of_songs(listens: Matrix, damping: float) -> NDArray[np.float64]:
    """d_i of every song [songs]; a song that nobody heard is as rare as one that a single listener did."""
    known = np.bincount(listens.indices, minlength=listens.shape[1]).astype(np.float64)
    if not listens.nnz:
        return np.ones_like(known)
    damped: NDArray[np.float64] = (known.clip(1) / known[listens.indices].mean()) ** -damping
    return damped


def confidence_of_one(
    listens: NDArray[np.float32], damping: NDArray[np.float64], weighting: Weighting, alpha: float
) -> NDArray[np.float32]:
    """The same for the songs of one listener [heard], whose d_i are known: what serving needs, in a tenth of the time.

    >>> confidence_of_one(np.array([1.0, 100.0]), np.ones(2), "log", 2.0).round(2)
    array([0.52, 3.48], dtype=float32)
    """
    if weighting == "binary":
        return (alpha * damping).astype(np.float32)
    logarithms = np.log1p(listens.astype(np.float64))
    mean = np.add.reduce(logarithms) / max(len(logarithms), 1)
    sure: NDArray[np.float32] = (logarithms * damping * (alpha / mean)).astype(np.float32)
    return sure
