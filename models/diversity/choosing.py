"""Chooses a list one song after another: the best one left, less what it repeats, towards the listener's mix, under caps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Positions
from models.diversity.formulas import NEVER, SMOOTHING, cap, is_for_the_familiar

Doubles = NDArray[np.float64]


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
    directions: Factors  # [n × factors], rows of length 1, or 0 where nothing is known
    artists: NDArray[np.int64]
    albums: NDArray[np.int64]
    genres: NDArray[np.int64]  # positions in the listener's mix
    is_familiar: NDArray[np.bool_]


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
    worth = _between_0_and_1(candidates.relevance)
    barred, capped = np.zeros(count), np.zeros(count)
    fresh, familiar = (np.where(candidates.is_familiar == kind, 0.0, NEVER) for kind in (False, True))
    mixed = bool(candidates.is_familiar.any())
    caps: list[tuple[NDArray[np.int64], int, dict[int, int]]] = [
        (codes, cap(limit, share), {}) for codes, share in _capped(candidates, dials)
    ]
    counting = _Mix(mix, dials.calibration)
    genres = candidates.genres
    repeated = np.zeros(count, np.float32)
    chosen = np.empty(limit, np.int64)
    for place in range(limit):
        value = worth + barred
        if dials.redundancy:
            value -= dials.redundancy * repeated
        if dials.calibration:
            value -= counting.costs()[genres]
        turn = familiar if is_for_the_familiar(place, dials.familiarity) else fresh
        best = _best_of(value, turn if mixed else None, capped)
        chosen[place] = best
        barred[best] = NEVER
        counting.add(int(genres[best]))
        for codes, most, counts in caps:
            code = int(codes[best])
            if code >= 0:
                counts[code] = counts.get(code, 0) + 1
                if counts[code] == most:
                    capped[codes == code] = NEVER
        if dials.redundancy and place + 1 < limit:
            np.maximum(repeated, candidates.directions @ candidates.directions[best], out=repeated)
    return chosen


def _between_0_and_1(relevance: Doubles) -> Doubles:
    least, most = float(relevance.min()), float(relevance.max())
    return (relevance - least) / (most - least) if most > least else np.zeros(len(relevance))


def _capped(candidates: Candidates, dials: Dials) -> list[tuple[NDArray[np.int64], float]]:
    both = [(candidates.artists, dials.artist_share), (candidates.albums, dials.album_share)]
    return [(codes, share) for codes, share in both if share < 1]


def _best_of(value: Doubles, turn: Doubles | None, capped: Doubles) -> int:
    """The best of those whose turn it is and who are under their caps; else of the others, else of all."""
    under = value + capped
    for allowed in (under + turn, under, value + turn) if turn is not None else (under,):
        best = int(allowed.argmax())
        if allowed[best] > NEVER:
            return best
    return int(value.argmax())


class _Mix:
    """The genres of a list as it grows, and what one more song of each would cost: in a few operations for all genres."""

    def __init__(self, mix: Doubles, calibration: float) -> None:
        total = float(mix.sum())
        # Only genres with a share cost anything.
        self._named = np.flatnonzero(mix > 0)
        self._shares = mix[self._named] / total if total > 0 else np.empty(0)
        self._logs = np.log(self._shares)
        self._place = {int(genre): place for place, genre in enumerate(self._named)}
        self._counts, self._songs, self._weight = np.zeros(len(self._named)), 0, calibration
        self._costs = np.zeros(len(mix))

    def add(self, genre: int) -> None:
        self._songs += 1
        if genre in self._place:
            self._counts[self._place[genre]] += 1

    def costs(self) -> Doubles:
        """For each genre, `calibration` times the songs of the list with one more of it, times the gap it has then."""
        now, then = self._terms(self._counts), self._terms(self._counts + 1)
        whole, weight = now.sum(), self._weight * (self._songs + 1)
        self._costs.fill(weight * whole)
        self._costs[self._named] = weight * (whole - now + then)
        return self._costs

    def _terms(self, counts: Doubles) -> Doubles:
        told = (1 - SMOOTHING) * counts / (self._songs + 1) + SMOOTHING * self._shares
        terms: Doubles = self._shares * (self._logs - np.log(told))
        return terms
