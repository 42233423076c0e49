"""Chooses a list one song after another: the best one left, less what it repeats, towards the listener's mix, under caps."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Positions
from models.diversity.formulas import NEVER, SMOOTHING, cap, is_for_the_familiar

Doubles = NDArray[np.float64]

# The best candidates, among which a list is nearly always found; else all are looked at. What repetition and the mix of
# genres can cost is little beside the worth of those who come after.
NEAR, PER_PLACE = 128, 4


@dataclass(frozen=True, slots=True)
class Dials:
    """How much each part counts. Relevance is put between 0 and 1 before, so that they mean the same for everybody."""

    redundancy: float = 0.08  # what a song costs that points exactly where one on the list does
    calibration: float = (
        0.02  # what a unit of the gap between the mixes of genres costs, for each song on the list
    )
    artist_share: float = 0.15  # of a list that may be by one artist
    album_share: float = 0.1
    familiarity: float = 0.0  # part of a list that may be songs heard before

    @property
    def is_plain(self) -> bool:
        """Whether the list is simply the best songs, best first."""
        return not (self.redundancy or self.calibration) and min(self.artist_share, self.album_share) >= 1


PLAIN = Dials(redundancy=0.0, calibration=0.0, artist_share=1.0, album_share=1.0)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is known of each candidate [n]; codes are any numbers, -1 of an album for none."""

    relevance: Doubles  # in any unit
    directions: Factors  # [n × factors], rows of any length, 0 where nothing is known
    artists: NDArray[np.int64]
    albums: NDArray[np.int64]
    genres: NDArray[np.int64]  # positions in the listener's mix
    is_familiar: NDArray[np.bool_]

    def at(self, places: Positions) -> "Candidates":
        """Some of them, in this order."""
        return Candidates(
            self.relevance[places],
            self.directions[places],
            self.artists[places],
            self.albums[places],
            self.genres[places],
            self.is_familiar[places],
        )


def choose(candidates: Candidates, mix: Doubles, limit: int, dials: Dials) -> Positions:
    """Up to `limit` candidates in the order of the list.

        next = argmax_i  r_i - redundancy max_{j in list} cos(i, j) - calibration n KL(p | q~ with i)

    n being the songs on the list with i, over the candidates of an artist and album that are not at their cap, familiar ones where it is their turn. Where none
    is left, the turn goes to the other kind, and then the caps are lifted: a full list comes before a varied one. `mix` [genres]
    are the listener's shares p; they need not add up to 1. Ties are the candidate's that comes first.

    >>> two = Candidates(np.array([3.0, 2.9, 1.0]), np.array([[1, 0], [1, 0], [0, 1]], np.float32),
    ...                  np.arange(3), np.arange(3), np.zeros(3, np.int64), np.zeros(3, np.bool_))
    >>> choose(two, np.ones(1), 2, Dials(redundancy=0.0)).tolist(), choose(two, np.ones(1), 2, Dials(redundancy=1.0)).tolist()
    ([0, 1], [0, 2])
    """
    count = len(candidates.relevance)
    limit = min(limit, count)
    if not limit:
        return np.empty(0, np.int64)
    worth, counting = _between_0_and_1(candidates.relevance), _Mix.over(mix, candidates.genres, limit, dials)
    some = max(NEAR, PER_PLACE * limit)
    turns = None
    if candidates.is_familiar.any():
        turns = [np.where(candidates.is_familiar == kind, 0.0, NEVER) for kind in (False, True)]
    elif some < count:
        is_near = np.zeros(count, np.bool_)
        is_near[(-worth).argpartition(some)[:some]] = True
        near = is_near.nonzero()[0]  # in their order, so that a tie is the candidate's that comes first
        chosen, values, costs = _chosen(candidates.at(near), worth[near], counting.of(near), limit, dials)
        others = counting.highest(worth, ~is_near)
        if (values > (others - costs).max(axis=1)).all():
            return near[chosen]
    return _chosen(candidates, worth, counting, limit, dials, turns)[0]


def _chosen(
    candidates: Candidates,
    worth: Doubles,
    counting: "_Mix",
    limit: int,
    dials: Dials,
    turns: Sequence[Doubles] | None = None,
) -> tuple[Positions, Doubles, Doubles]:
    """The choice, what each song was worth when it was chosen, and what each genre cost then [limit × genres].

    `turns` has what bars each candidate where the turn is another kind's: a fresh song's, a familiar one's.
    """
    free, left = worth.copy(), worth.copy()  # NEVER of those on the list; in `free` also of those at a cap
    caps: list[tuple[NDArray[np.int64], int, dict[int, int]]] = [
        (codes, cap(limit, share), {}) for codes, share in _capped(candidates, dials)
    ]
    directions = _of_length_1(candidates.directions)
    weighted = np.float32(dials.redundancy) * directions
    repeated = np.zeros(len(worth), np.float32)
    chosen, values = np.empty(limit, np.int64), np.empty(limit)
    for place in range(limit):
        value = free - counting.costs(place)[counting.genres]
        value -= repeated
        turn = None
        if turns is not None:
            turn = turns[is_for_the_familiar(place, dials.familiarity)]
            value += turn
        best = int(value.argmax())
        values[place] = value[best]
        if values[place] == NEVER:
            cost = counting.costs(place)[counting.genres] + repeated
            best = _last_resort(free - cost, left - cost, turn)
        chosen[place] = best
        free[best] = left[best] = NEVER
        counting.add(best)
        for codes, most, counts in caps:
            code = int(codes[best])
            if code >= 0:
                counts[code] = counts.get(code, 0) + 1
                if counts[code] == most:
                    free[codes == code] = NEVER
        if dials.redundancy and place + 1 < limit:
            np.maximum(repeated, weighted @ directions[best], out=repeated)
    return chosen, values, counting.table


def _of_length_1(factors: Factors) -> Factors:
    lengths = np.sqrt(np.vecdot(factors, factors))
    lengths[lengths == 0] = 1
    directions: Factors = factors / lengths[:, np.newaxis]
    return directions


def _between_0_and_1(relevance: Doubles) -> Doubles:
    least, most = float(relevance.min()), float(relevance.max())
    return (relevance - least) / (most - least) if most > least else np.zeros(len(relevance))


def _capped(candidates: Candidates, dials: Dials) -> list[tuple[NDArray[np.int64], float]]:
    both = [(candidates.artists, dials.artist_share), (candidates.albums, dials.album_share)]
    return [(codes, share) for codes, share in both if share < 1]


def _last_resort(free: Doubles, left: Doubles, turn: Doubles | None) -> int:
    """The best of the others than those whose turn it is; where all are at their caps, of those whose turn it is, else of all."""
    for value in (free,) if turn is None else (free, left + turn):
        best = int(value.argmax())
        if value[best] > NEVER:
            return best
    return int(left.argmax())


class _Mix:
    """The genres of a list as it grows, and what one more song of each would cost, but for what any song would cost.

    n KL(p | q~) is a sum over genres, of which a song changes one: that part's change is what sets candidates apart.
    """

    def __init__(
        self, genres: NDArray[np.int64], weights: list[float], floor: list[float], table: Doubles
    ) -> None:
        self.genres = genres  # of each candidate: those with a share, and the last for all others
        # [limit × genres]: what a genre costs at each place, where the list has none of it yet; then what it did cost.
        self.table = table
        self._weights, self._floor = weights, floor
        self._counts: dict[int, int] = {}

    @classmethod
    def over(cls, mix: Doubles, genres: NDArray[np.int64], limit: int, dials: Dials) -> Self:
        """Of a listener's mix, and candidates of these genres."""
        total = float(mix.sum())
        named = (mix > 0).nonzero()[0] if total > 0 else np.empty(0, np.int64)
        shares = mix[named] / max(total, 1e-300)
        places = np.full(len(mix), len(named))
        places[named] = np.arange(len(named))
        told, lengths = SMOOTHING * shares, np.arange(1, limit + 1)[:, np.newaxis]
        weights = dials.calibration * shares
        table = np.zeros((limit, len(named) + 1))
        np.multiply(weights * lengths, np.log(told / (told + (1 - SMOOTHING) / lengths)), out=table[:, :-1])
        return cls(places[genres], weights.tolist(), told.tolist(), table)

    def of(self, candidates: Positions) -> "_Mix":
        """The same for some of the candidates, before any is on the list."""
        return _Mix(self.genres[candidates], self._weights, self._floor, self.table.copy())

    def highest(self, worth: Doubles, which: NDArray[np.bool_]) -> Doubles:
        """The most worth of a genre among some candidates."""
        highest = np.full(self.table.shape[1], NEVER)
        np.maximum.at(highest, self.genres[which], worth[which])
        return highest

    def add(self, candidate: int) -> None:
        """Put one on the list."""
        genre = int(self.genres[candidate])
        if genre < len(self._weights):
            self._counts[genre] = self._counts.get(genre, 0) + 1

    def costs(self, place: int) -> Doubles:
        """Of one more song of each genre, for that place of the list; only genres with a share cost anything."""
        costs: Doubles = self.table[place]
        length = place + 1
        share = (1 - SMOOTHING) / length
        for genre, count in self._counts.items():
            told = count * share + self._floor[genre]
            costs[genre] = self._weights[genre] * length * log(told / (told + share))
        return costs
