"""Which listeners a song with little exposure is for: those who like it better than three of four others would."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Positions

FLOOR = 30  # impressions and listens that every song is to have
LEVELS = 3  # of need: few, so that a song's every impression does not make another version
POOL = 5_000  # songs that are explored at a time: the others come when these have their floor
LIKELIEST = 0.25  # the part of listeners that a song is for
ASKED = 2_000  # listeners who are asked for that, evenly spread


def needs_of(exposure: NDArray[np.int64]) -> NDArray[np.int8]:
    """How much each song lacks, from how often it was shown or listened to: LEVELS for never, 0 from the floor on.

    >>> needs_of(np.array([0, 12, 29, 30, 1000])).tolist()
    [3, 2, 1, 0, 0]
    """
    lacking = np.maximum(FLOOR - exposure, 0) / FLOOR
    return np.ceil(lacking * LEVELS).astype(np.int8)


@dataclass(frozen=True, slots=True)
class Pool:
    """Songs with little exposure: where they stand, their factors, what they lack, and the score from which they are for one."""

    places: Positions  # [pool], ascending
    factors: Factors  # [pool × factors]
    needs: NDArray[np.float64]  # [pool], 1 to LEVELS
    thresholds: NDArray[np.float32]  # [pool]

    @classmethod
    def of(
        cls,
        places: Positions,
        factors: Factors,
        needs: NDArray[np.int8],
        listeners: Factors,
    ) -> Self:
        """The pool of songs with these needs [songs]: those that lack most, at most POOL of them.

        The threshold of a song is the score that `LIKELIEST` of the listeners reach: so every song has an audience of that
        size, whatever is popular, and in it those who like it best.

        >>> songs = np.eye(2, dtype=np.float32)
        >>> pool = Pool.of(np.arange(2), songs, needs_of(np.array([0, 99])), songs)
        >>> pool.places.tolist(), pool.needs.tolist()
        ([0], [3.0])
        """
        known = (needs > 0) & factors.any(axis=1)
        poorest = np.flatnonzero(known)
        poorest = np.sort(poorest[np.argsort(-needs[poorest].astype(np.int64), kind="stable")][:POOL])
        asked = listeners[
            np.unique(np.linspace(0, max(len(listeners) - 1, 0), ASKED).astype(np.int64))[: len(listeners)]
        ]
        thresholds = np.zeros(len(poorest), np.float32)
        if len(asked) and len(poorest):
            scores = factors[poorest] @ asked.T
            likeliest = max(1, int(len(asked) * LIKELIEST))
            thresholds = -np.partition(-scores, likeliest - 1, axis=1)[:, likeliest - 1]
            thresholds *= 1 - 1e-6  # for what rounding does
        return cls(
            places[poorest],
            np.ascontiguousarray(factors[poorest]),
            needs[poorest].astype(np.float64),
            thresholds,
        )

    def is_for(self, listener: Factors) -> NDArray[np.bool_]:
        """Of each song of the pool, whether it is for a listener with these factors [factors]."""
        is_for: NDArray[np.bool_] = self.factors @ listener >= self.thresholds
        return is_for

    def for_one(self, listener: Factors) -> Positions:
        """The positions in the pool of those that are."""
        return self.is_for(listener).nonzero()[0]
