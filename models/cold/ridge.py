"""A linear map from what is said of a song in words to its factors, so that a song without listens has a place."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors

RIDGES = (0.1, 1.0, 10.0, 100.0)  # tried: how much large weights cost
HELD_BACK = 10  # every tenth song judges which is best
MOST = 200_000  # songs that the map is learnt from: more change nothing that can be seen
PRIOR = 5.0  # listens at which a song's factors are trusted half as much as those of a hit


@dataclass(frozen=True, slots=True)
class ColdMap:
    """W and b: a song with the text vector t is placed at W't + b."""

    weights: Factors  # [dimensions × factors]
    offset: NDArray[np.float32]  # [factors]
    explained: float  # the part of the held-back songs' variance that it explains, at most 1; 0 where there were too few

    @classmethod
    def nowhere(cls, dimensions: int, factors: int) -> Self:
        """The map that places every song at the origin: of a model that has learnt from nothing."""
        return cls(np.zeros((dimensions, factors), np.float32), np.zeros(factors, np.float32), 0.0)

    def places(self, texts: Factors) -> Factors:
        """The factors [songs × factors] of songs with these text vectors [songs × dimensions]."""
        placed: Factors = texts @ self.weights + self.offset
        return placed


def learn(texts: Factors, factors: Factors, listens: NDArray[np.int64]) -> ColdMap:
    """The map learnt from songs that have both; the ridge is the one that places held-back songs best.

    `listens` says how far each song's factors are to be trusted: w = n / (n + PRIOR).

    >>> texts = np.eye(4, dtype=np.float32)[np.arange(400) % 4]
    >>> learnt = learn(texts, texts @ np.arange(8, dtype=np.float32).reshape(4, 2), np.full(400, 50))
    >>> learnt.places(texts[:2]).round(1).tolist(), learnt.explained > 0.99
    ([[0.0, 1.0], [2.0, 3.0]], True)
    """
    if len(texts) < 2 * HELD_BACK:
        return ColdMap.nowhere(texts.shape[1], factors.shape[1])
    step = max(1, len(texts) // MOST)
    texts, factors = texts[::step], factors[::step]
    trust = (listens[::step] / (listens[::step] + PRIOR)).astype(np.float32)
    judges = np.arange(len(texts)) % HELD_BACK == 0
    best = max(
        (
            (
                _explained(
                    fit(texts[~judges], factors[~judges], trust[~judges], ridge), texts, factors, judges
                ),
                ridge,
            )
            for ridge in RIDGES
        ),
        key=lambda tried: tried[0],
    )
    weights, offset = fit(texts, factors, trust, best[1])
    return ColdMap(weights, offset, max(0.0, best[0]))


def fit(
    texts: Factors, factors: Factors, trust: NDArray[np.float32], ridge: float
) -> tuple[Factors, NDArray[np.float32]]:
    """W and b that minimise

        sum_i w_i |y_i - W't_i - b|^2  +  ridge |W|^2

    for text vectors t [songs × dimensions], factors y [songs × factors] and trust w [songs].
    """
    total = max(float(trust.sum()), 1e-12)
    middle_of_texts, middle = trust @ texts / total, trust @ factors / total
    spread = texts - middle_of_texts
    weighted = spread * trust[:, np.newaxis]
    system = (weighted.T @ spread).astype(np.float64)
    system.flat[:: len(system) + 1] += ridge
    weights = np.linalg.solve(system, (weighted.T @ (factors - middle)).astype(np.float64)).astype(np.float32)
    return weights, (middle - middle_of_texts @ weights).astype(np.float32)


def _explained(
    fitted: tuple[Factors, NDArray[np.float32]], texts: Factors, factors: Factors, judges: NDArray[np.bool_]
) -> float:
    """1 - (squared error of the held-back songs) / (their squared distance from their middle)."""
    weights, offset = fitted
    wanted = factors[judges]
    missed = float(((texts[judges] @ weights + offset - wanted) ** 2).sum())
    spread = float(((wanted - wanted.mean(axis=0)) ** 2).sum())
    return 1 - missed / spread if spread else 0.0
