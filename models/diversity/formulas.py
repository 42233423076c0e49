"""What each part of a diverse list is, as a plain formula: the measures that the fast choice is tested against."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, inf, log

import numpy as np

from models.arrays import Factors

SMOOTHING = 0.01  # of the list's mix with the listener's, so that a genre that is missing costs much and not everything


def calibration_gap(taste: Mapping[str, float], genres: Sequence[str], smoothing: float = SMOOTHING) -> float:
    """How far the mix of genres of a list is from that of the listener; 0 for the same mix (Steck 2018, equation 6).

        KL(p | q~) = sum_g p_g ln(p_g / q~_g),   q~_g = (1 - a) q_g + a p_g

    p are shares of the listener's listens, q of the list, a the smoothing.

    >>> round(calibration_gap({"jazz": 0.5, "pop": 0.5}, ["jazz", "pop"]), 4)
    0.0
    >>> calibration_gap({"jazz": 0.9, "pop": 0.1}, ["pop"]) > calibration_gap({"jazz": 0.9, "pop": 0.1}, ["jazz"]) > 0
    True
    """
    gap = 0.0
    for genre, share in taste.items():
        told = sum(each == genre for each in genres) / max(len(genres), 1)
        if share > 0:
            gap += share * log(share / ((1 - smoothing) * told + smoothing * share))
    return gap


def redundancy(candidate: Sequence[float], chosen: Factors) -> float:
    """How much a song repeats a list: the highest cosine to any song on it, 0 for an empty list (Carbonell, Goldstein 1998).

    >>> round(redundancy([1.0, 0.0], np.array([[0.0, 1.0], [0.6, 0.8]])), 6)
    0.6
    """
    return max((float(np.dot(candidate, each)) for each in chosen), default=0.0)


def cap(limit: int, share: float) -> int:
    """How many songs of a list one artist or album may have.

    >>> cap(20, 0.15), cap(3, 0.15), cap(20, 1.0)
    (3, 1, 20)
    """
    return max(1, ceil(limit * share - 1e-9))


def is_for_the_familiar(place: int, familiarity: float) -> bool:
    """Whether a place of a list (0 the first) is for a song that was heard before: evenly spread, so many in all.

    >>> [is_for_the_familiar(place, 0.25) for place in range(8)]
    [False, False, False, True, False, False, False, True]
    """
    return floor((place + 1) * familiarity + 1e-9) > floor(place * familiarity + 1e-9)


NEVER = -inf
