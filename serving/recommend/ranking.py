"""Finds the songs with the highest inner products for a listener, without those that they may not be given.

Of up to `EXACT_UP_TO` songs the very highest; of more those that a look into the likeliest cells finds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from foundation.engines.vectors.cells import Cells, highest_of
from models.arrays import Factors, Positions

Doubles: TypeAlias = NDArray[np.float64]
IsOut: TypeAlias = Callable[[Positions], NDArray[np.bool_]]
"""Tells of each of some songs whether the listener may not be given it."""

EXACT_UP_TO = 30_000  # songs; of more the cells that may have the best are looked at


@dataclass(frozen=True, slots=True)
class Ranked:
    """One listener's songs, best first: their positions and their scores."""

    songs: Positions
    scores: Doubles


def nothing_out(places: Positions) -> NDArray[np.bool_]:
    """Of whom everything may be given."""
    return np.zeros(len(places), np.bool_)


@dataclass(frozen=True, slots=True)
class SongSpace:
    """The songs' factors, and what is computed once from them. Row i is the song at position i, in order of song id."""

    factors: Factors  # [songs × factors]
    longest: float  # the greatest length of a row
    cells: Cells | None

    @classmethod
    def of(cls, factors: Factors, *, exact_up_to: int = EXACT_UP_TO) -> "SongSpace":
        """The space of these factors."""
        lengths = np.sqrt(np.vecdot(factors, factors))
        cells = Cells.of(factors) if len(factors) > exact_up_to else None
        return cls(factors, float(lengths.max(initial=0.0)), cells)

    def best(self, listeners: Factors, excluded: Sequence[Positions], limit: int) -> list[Ranked]:
        """The `limit` best songs for each row of `listeners`, without the songs excluded for it."""
        return [self.best_for(*each, limit) for each in zip(listeners, map(np.sort, excluded), strict=True)]

    def best_for(
        self, listener: Factors, excluded: Positions, limit: int, is_out: IsOut = nothing_out
    ) -> Ranked:
        """The `limit` best songs for one listener, without those that are out or at the positions `excluded`, which ascend.

        Float32 products, which round as the shape of a product has it, only choose candidates, generously; `settled`
        decides.
        """
        margin = 3 * self.noise(listener)

        if self.cells is not None:
            found = self.cells.highest(listener, limit, excluded, is_out, margin)
            if found is not None:
                return self.settled(listener, found, limit)
        products = self.factors @ listener
        products[excluded] = -np.inf
        found = highest_of(products, limit, is_out, margin)
        if found is None:
            found = (products > 0).nonzero()[0]
            found = found[~is_out(found)]
        return self.settled(listener, found, limit)

    def settled(self, listener: Factors, candidates: Positions, limit: int) -> Ranked:
        """The candidates, which ascend, in their true order: by the product in double precision, then by song id.

        Songs whose product is not above what rounding alone can make are left out: nothing speaks for them.
        """
        scores = products_of(self.factors[candidates], listener)
        order = (-scores).argsort(kind="stable")[:limit]
        order = order[scores[order] > self.noise(listener)]
        return Ranked(candidates[order], scores[order])

    def noise(self, listener: Factors) -> float:
        """How far a float32 product may be from the true one: factors · u · |listener| · |longest song|, u = 2⁻²⁴.

        The bound holds for any order of summation (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
        """
        return len(listener) * 2.0**-24 * self.longest * float(np.sqrt(products_of(listener, listener)))


def products_of(factors: Factors, listener: Factors) -> Doubles:
    """The products of rows [songs × factors] with a listener's [factors], in doubles, each summed in one order by itself.

    So a song's score does not hang on which others it is asked for with.
    """
    products: Doubles = np.vecdot(factors.astype(np.float64), listener.astype(np.float64))
    return products
