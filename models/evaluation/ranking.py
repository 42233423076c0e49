"""Ranks the whole catalogue for many listeners by any score, leaving out what they have heard."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Matrix, Positions

Scores = Callable[
    [Positions], NDArray[np.float32]
]  # listeners' rows -> their scores [rows × songs], a fresh array
BATCH = 512


def ranked(score: Scores, heard: Matrix, rows: Positions, k: int) -> Positions:
    """The k best unheard songs of each listener in `rows`, best first; equal scores by position; -1 where none is left.

    Exact: every song is scored.
    """
    parts = [_best(score(batch), heard[batch], k) for batch in _batches(rows)]
    return np.concatenate(parts) if parts else np.empty((0, k), dtype=np.int64)


def inner_products(listener_factors: Factors, song_factors: Factors) -> Scores:
    """The score by which Segue serves: the inner product of the listener's and the song's row."""
    return lambda rows: listener_factors[rows] @ song_factors.T


def _best(scores: NDArray[np.float32], heard: Matrix, k: int) -> Positions:
    scores[np.repeat(np.arange(heard.shape[0]), np.diff(heard.indptr)), heard.indices] = -np.inf
    size = min(k, scores.shape[1])
    if size < scores.shape[1]:
        kth = np.partition(scores, -size, axis=1)[:, -size, None]
    else:
        kth = np.full((len(scores), 1), -np.inf, dtype=scores.dtype)
    lists = np.full((len(scores), k), -1, dtype=np.int64)
    for row, (values, least) in enumerate(zip(scores, kth, strict=True)):
        candidates = np.flatnonzero((values >= least) & (values > -np.inf))
        order = candidates[np.argsort(-values[candidates], kind="stable")][:k]
        lists[row, : len(order)] = order
    return lists


def _batches(rows: Positions) -> list[Positions]:
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
