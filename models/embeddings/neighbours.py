"""The nearest songs of every song by their words, worked out once for a version: serving only looks them up."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors

BLOCK = 1024  # rows compared at once
EXACT_UP_TO = 20_000  # songs; above, a song is compared with the cells nearest to it only
PROBED = 6  # cells


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Row i are the songs nearest to song i, nearest first: where they stand, -1 for none, and how alike they are."""

    places: NDArray[np.int32]  # [songs × k]
    likeness: NDArray[np.float32]  # [songs × k], cosines; 0 for none


def nearest_rows(vectors: Factors, k: int, *, exact_up_to: int = EXACT_UP_TO, seed: int = 1) -> Neighbours:
    """The `k` rows with the highest cosine to each row of `vectors`, whose rows have length 1 or 0.

    A row of zeros is near nobody. Exact up to `exact_up_to` rows; above, rows are put into cells around √n of them,
    and each is compared with the rows of the cells nearest to it (an inverted file).

    >>> rows = np.array([[1, 0], [0.8, 0.6], [0, 1], [0, 0]], np.float32)
    >>> nearest_rows(rows, 2).places.tolist()
    [[1, -1], [0, 2], [1, -1], [-1, -1]]
    """
    places = np.full((len(vectors), k), -1, np.int32)
    likeness = np.zeros((len(vectors), k), np.float32)
    told = np.flatnonzero(vectors.any(axis=1))
    if len(told) <= exact_up_to:
        groups = [(told, told)]
    else:
        groups = _cells(vectors, told, seed)
    for rows, others in groups:
        for start in range(0, len(rows), BLOCK):
            some = rows[start : start + BLOCK]
            _fill(vectors, some, others, places, likeness)
    return Neighbours(places, likeness)


def _cells(
    vectors: Factors, told: NDArray[np.int64], seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The rows of each cell, and the rows that they are compared with."""
    count = int(np.sqrt(len(told)))
    middles = vectors[np.random.default_rng(seed).choice(told, count, replace=False)]
    closest = np.concatenate(
        [(vectors[told[at : at + BLOCK]] @ middles.T).argmax(axis=1) for at in range(0, len(told), BLOCK)]
    )
    members = [told[closest == cell] for cell in range(count)]
    probed = np.argsort(-(middles @ middles.T), axis=1, kind="stable")[:, :PROBED]
    return [
        (members[cell], np.sort(np.concatenate([members[near] for near in probed[cell]])))
        for cell in range(count)
    ]


def _fill(
    vectors: Factors,
    rows: NDArray[np.int64],
    others: NDArray[np.int64],
    places: NDArray[np.int32],
    likeness: NDArray[np.float32],
) -> None:
    if not len(rows):
        return
    cosines = vectors[rows] @ vectors[others].T
    own = np.searchsorted(others, rows)
    is_there = (own < len(others)) & (others[np.minimum(own, len(others) - 1)] == rows)
    cosines[np.flatnonzero(is_there), own[is_there]] = 0
    width = min(places.shape[1], len(others))
    best = np.argpartition(-cosines, width - 1, axis=1)[:, :width]
    found = np.take_along_axis(cosines, best, axis=1)
    order = np.lexsort((best, -found), axis=1)
    best, found = np.take_along_axis(best, order, axis=1), np.take_along_axis(found, order, axis=1)
    places[rows, :width] = np.where(found > 0, others[best], -1)
    likeness[rows, :width] = np.maximum(found, 0)
