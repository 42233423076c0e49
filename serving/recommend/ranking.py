"""Finds the songs with the highest inner products for many listeners at once, exactly, with heard songs left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Positions

Doubles: TypeAlias = NDArray[np.float64]

BLOCK_BYTES = 64 * 1024 * 1024  # of scores that are in memory at once


@dataclass(frozen=True, slots=True)
class Ranked:
    """One listener's songs, best first: their positions and their scores."""

    songs: Positions
    scores: Doubles


@dataclass(frozen=True, slots=True)
class SongSpace:
    """The songs' factors, and what is computed once from them. Row i is the song at position i, in order of song id."""

    factors: Factors  # [songs, factors]
    longest: float  # the greatest length of a row

    @classmethod
    def of(cls, factors: Factors) -> "SongSpace":
        """The space of these factors."""
        lengths = np.sqrt(np.einsum("ij,ij->i", factors, factors))
        return cls(factors, float(lengths.max(initial=0.0)))

    def rows_at_once(self) -> int:
        """How many listeners fit into one block of scores and its copy.

        >>> SongSpace.of(np.ones((1 << 20, 2), np.float32)).rows_at_once()
        8
        """
        return max(1, BLOCK_BYTES // (8 * max(1, len(self.factors))))

    def best(
        self, listeners: Factors, excluded: Sequence[Positions] | Sequence[NDArray[np.bool_]], limit: int
    ) -> list[Ranked]:
        """The `limit` best songs for each row of `listeners`, without the songs excluded for it, by position or as a mask.

        A single row and a row among thousands get the same answer, although matrix products of different shapes
        round differently: float32 products only choose candidates, generously; `settled` decides.
        """
        songs = len(self.factors)
        width = min(limit, songs)
        if width == 0:
            return [Ranked(np.empty(0, np.int64), np.empty(0)) for _ in listeners]
        scores = listeners @ self.factors.T
        for row, heard in zip(scores, excluded, strict=True):
            row[heard] = -np.inf
        lowest = np.partition(scores, songs - width, axis=1)[:, songs - width]
        noise = self.noise(listeners)
        ranked = []
        for listener, row, low, rounding in zip(listeners, scores, lowest, noise, strict=True):
            candidates = np.flatnonzero((row >= low - 2 * rounding) & (row > 0))
            ranked.append(self.settled(listener, candidates, limit))
        return ranked

    def settled(self, listener: Factors, candidates: Positions, limit: int) -> Ranked:
        """The candidates in their true order: by the product in double precision, then by song id.

        Songs whose product is not above what rounding alone can make are left out: nothing speaks for them.
        """
        scores = (self.factors[candidates].astype(np.float64) * listener.astype(np.float64)).sum(axis=1)
        order = np.lexsort((candidates, -scores))[:limit]
        order = order[scores[order] > self.noise(listener[np.newaxis])[0]]
        return Ranked(candidates[order], scores[order])

    def noise(self, listeners: Factors) -> Doubles:
        """How far a float32 product may be from the true one: factors · u · |listener| · |longest song|, u = 2⁻²⁴.

        The bound holds for any order of summation (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
        """
        doubles = listeners.astype(np.float64)
        lengths = np.sqrt((doubles * doubles).sum(axis=1))
        bound: Doubles = listeners.shape[1] * 2.0**-24 * self.longest * lengths
        return bound
