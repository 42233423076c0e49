"""Puts songs with little exposure on a list by chance, and says how likely each song was to stand where it does.

A list is cut into blocks; one place of each block, drawn by chance, goes to a song of the pool. The pool is dealt out to the
blocks by artist beforehand, so that the draws of two blocks know nothing of each other: that is what makes every chance a
product of two known numbers, and two songs of the same artist never meet.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Positions

Doubles = NDArray[np.float64]
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a list is for exploring."""

    share: float = 0.1  # of the places
    first: int = 2  # places at the top that are never given away


NONE = Budget(share=0.0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A list after drawing: for each place the song of the pool that stands there, or NOBODY, and the chance of that."""

    explored: Positions  # [limit]: positions in the pool, NOBODY where the list's own song stays
    propensities: Doubles  # [limit]: of what stands there to stand there


def draw(
    limit: int,
    weights: Doubles,
    artists: NDArray[np.int64],
    budget: Budget,
    chance: np.random.Generator,
) -> Drawn:
    """Which places of a list of `limit` go to which songs of a pool with these `weights` above 0 and `artists`, numbered from 0.

        P(pool song i stands at place k) = s / |B| * w_i / W      k in block B, W = sum of weights dealt to B
        P(the list's own song stands at k) = 1 - s / |B|

    s is 1 for a block of full length, less for a shorter one at the end, so that `share` of the places are given
    away on average; 0 where nothing was dealt to the block. `first` places are in no block.

    >>> drawn = draw(10, np.ones(4), np.arange(4), Budget(), np.random.default_rng(1))
    >>> int((drawn.explored >= 0).sum()), sorted(set(drawn.propensities.round(4).tolist()))
    (1, [0.0312, 0.875, 1.0])
    """
    explored, propensities = np.full(limit, NOBODY, np.int64), np.ones(limit)
    length = round(1 / budget.share) if budget.share > 0 else 0
    if not length or not len(weights):
        return Drawn(explored, propensities)
    starts, counts = range(0, limit, length), np.bincount(artists)
    # The artists who are there take turns; `dealt` says whose turn is which block's.
    dealt = ((counts > 0).cumsum() - 1)[artists] % len(starts)
    for number, start in enumerate(starts):
        stop = min(start + length, limit)
        begin = max(start, budget.first)
        mine = (dealt == number).nonzero()[0]
        sure = (stop - start) * budget.share
        # The draws are made in any case: what one block does must not move the next one's.
        is_given, where, who = chance.random(3)
        if begin >= stop or not len(mine):
            continue
        places = stop - begin
        propensities[begin:stop] = 1 - sure / places
        if is_given < sure:
            place = begin + int(where * places)
            mine_weigh = weights[mine]
            upto = mine_weigh.cumsum()
            song = min(int(upto.searchsorted(who * upto[-1], side="right")), len(mine) - 1)
            explored[place] = mine[song]
            propensities[place] = sure / places * (mine_weigh[song] / upto[-1])
    return Drawn(explored, propensities)
