"""The measures of `models.evaluation.metrics` for many listeners at once, and their means with intervals.

Lists come as an integer array [listeners × places] of song positions, best first, -1 where a place is empty; what is
relevant as a sparse matrix [listeners × songs] in which every stored cell is a song the listener loves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Matrix

MEASURES = ("recall", "ndcg", "map", "mrr", "precision", "hit")
LEVEL = 0.95  # of intervals


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over listeners and the interval in which it lies nineteen times out of twenty."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


def hits(ranked: NDArray[np.int64], relevant: Matrix) -> NDArray[np.bool_]:
    """Which places hold a relevant song: bool [listeners × places].

    >>> import scipy.sparse as sp
    >>> hits(np.array([[2, 0, -1]]), sp.csr_array([[1, 0, 0]])).tolist()
    [[False, True, False]]
    """
    songs = relevant.shape[1]
    rows = np.repeat(np.arange(relevant.shape[0], dtype=np.int64), np.diff(relevant.indptr))
    wanted = np.unique(rows * songs + relevant.indices)
    asked = np.arange(ranked.shape[0], dtype=np.int64)[:, None] * songs + ranked
    if not wanted.size:
        return np.zeros(ranked.shape, dtype=np.bool_)
    found = np.minimum(np.searchsorted(wanted, asked), wanted.size - 1)
    hit: NDArray[np.bool_] = (wanted[found] == asked) & (ranked >= 0)
    return hit


def measure(ranked: NDArray[np.int64], relevant: Matrix, k: int) -> dict[str, NDArray[np.float64]]:
    """Every one of `MEASURES` at k for every listener: a vector [listeners] each.

    A listener without anything relevant has 0 everywhere; leave such rows out before averaging.
    """
    hit = hits(ranked[:, :k], relevant).astype(np.float64)
    count = np.diff(relevant.indptr).astype(np.float64)
    places = np.arange(1, hit.shape[1] + 1, dtype=np.float64)
    discount = 1 / np.log2(np.arange(1, k + 1) + 1)
    reachable = np.minimum(count, k).astype(np.int64)
    best = np.concatenate([[0.0], np.cumsum(discount)])[reachable]
    precision = np.cumsum(hit, axis=1) / places
    first = np.where(hit.any(axis=1), 1 / (hit.argmax(axis=1) + 1.0), 0.0)
    return {
        "recall": _ratio(hit.sum(axis=1), count),
        "ndcg": _ratio(hit @ discount[: hit.shape[1]], best),
        "map": _ratio((precision * hit).sum(axis=1), reachable),
        "mrr": first,
        "precision": hit.sum(axis=1) / k,
        "hit": hit.any(axis=1).astype(np.float64),
    }


def bootstrap(
    values: NDArray[np.float64], rng: np.random.Generator, draws: int = 1000, *, level: float = LEVEL
) -> Estimate:
    """The mean of one number per listener, with its interval by resampling listeners (Efron, 1979), by default of 95 %.

    >>> bootstrap(np.full(10, 0.25), np.random.default_rng(0))
    Estimate(mean=0.25, low=0.25, high=0.25)
    """
    size = len(values)
    means = np.array([values[rng.integers(0, size, size)].mean() for _ in range(draws)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(values.mean()), float(low), float(high))


def coverage(ranked: NDArray[np.int64], songs: int) -> float:
    """Which part of the catalogue appears in anybody's list.

    >>> coverage(np.array([[0, 1], [1, -1]]), songs=4)
    0.5
    """
    return len(np.unique(ranked[ranked >= 0])) / songs


def mean_popularity(ranked: NDArray[np.int64], heard: Matrix) -> float:
    """The share of listeners who know the average recommended song: high means that the lists show what all know.

    >>> import scipy.sparse as sp
    >>> mean_popularity(np.array([[0, 1]]), sp.csr_array([[1, 0], [1, 1]]))
    0.75
    """
    known = np.bincount(heard.indices, minlength=heard.shape[1]) / heard.shape[0]
    shown = ranked[ranked >= 0]
    return float(known[shown].mean()) if shown.size else 0.0


def _ratio(top: NDArray[np.float64], bottom: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
