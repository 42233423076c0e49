"""Which listeners a song with little exposure is for: those who like it better than three of four others would."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Positions

FLOOR = 30  # impressions and listens that every song is to have
POOL = 5_000  # songs that are explored at a time: the others come when these have their floor
LIKELIEST = 0.25  # the part of listeners that a song is for
ASKED = 2_000  # listeners who are asked for that, evenly spread


@dataclass(frozen=True, slots=True)
class Pool:
    """Songs with little exposure: where they stand, their factors, what they lack, and the score from which they are for one."""

    places: Positions  # [pool], ascending
    factors: Factors  # [pool × factors]
    needs: NDArray[np.float64]  # [pool]: the floor less what they have, above 0
    thresholds: NDArray[np.float32]  # [pool]

    @classmethod
    def of(
        cls,
        places: Positions,
        factors: Factors,
        exposure: NDArray[np.int64],
        listeners: Factors,
        *,
        floor: int = FLOOR,
    ) -> Self:
        """The pool of songs with these `exposure` [songs]: those that lack most, at most POOL of them.

        The threshold of a song is the score that `LIKELIEST` of the listeners reach: so every song has an audience of that
        size, whatever is popular, and in it those who like it best.

        >>> pool = Pool.of(np.arange(2), np.eye(2, dtype=np.float32), np.array([0, 99]), np.eye(2, dtype=np.float32))
        >>> pool.places.tolist(), pool.needs.tolist()
        ([0], [30.0])
        """
        needs = np.maximum(floor - exposure, 0).astype(np.float64)
        known = (needs > 0) & factors.any(axis=1)
        poorest = np.flatnonzero(known)
        poorest = np.sort(poorest[np.argsort(-needs[poorest], kind="stable")][:POOL])
        asked = listeners[
            np.unique(np.linspace(0, max(len(listeners) - 1, 0), ASKED).astype(np.int64))[: len(listeners)]
        ]
        thresholds = np.zeros(len(poorest), np.float32)
        if len(asked) and len(poorest):
            scores = factors[poorest] @ asked.T
            likeliest = max(1, int(len(asked) * LIKELIEST))
            thresholds = -np.partition(-scores, likeliest - 1, axis=1)[:, likeliest - 1]
        return cls(places[poorest], np.ascontiguousarray(factors[poorest]), needs[poorest], thresholds)

    def for_one(self, listener: Factors) -> Positions:
        """The positions in the pool of the songs that are for a listener with these factors [factors]."""
        return np.flatnonzero(self.factors @ listener >= self.thresholds * (1 - 1e-6))
