"""What a ranked list is worth to one listener, and what lists are like, each measure in its plainest form.

These are the definitions. `models.evaluation.batch` and `models.evaluation.character` compute the same numbers for many
listeners at once and are tested against them. Gain is binary: a song is relevant or it is not. Source of the formulas: Järvelin and
Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002; Voorhees, TREC-8 question answering, 1999.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations
from math import log, log2


def recall_at(k: int, ranked: Sequence[int], relevant: AbstractSet[int]) -> float:
    """Which part of what the listener loves is in the first k places, from 0 to 1.

        recall@k = |first k ∩ relevant| / |relevant|

    >>> recall_at(2, ranked=[7, 8, 9], relevant={7, 9})
    0.5
    """
    return len(set(ranked[:k]) & relevant) / len(relevant) if relevant else 0.0


def precision_at(k: int, ranked: Sequence[int], relevant: AbstractSet[int]) -> float:
    """Which part of the first k places is loved; places left empty count as misses.

        precision@k = |first k ∩ relevant| / k

    >>> precision_at(2, ranked=[7, 8, 9], relevant={7, 9})
    0.5
    """
    return len(set(ranked[:k]) & relevant) / k


def ndcg_at(k: int, ranked: Sequence[int], relevant: AbstractSet[int]) -> float:
    """How close the list is to the best order possible, from 0 to 1.

        ndcg@k = sum(hit_i / log2(i + 1), i = 1..k)  /  sum(1 / log2(i + 1), i = 1..min(k, |relevant|))

    >>> round(ndcg_at(3, ranked=[7, 8, 9], relevant={7, 9}), 4)
    0.9197
    """
    gain = sum(1 / log2(place + 1) for place, song in enumerate(ranked[:k], start=1) if song in relevant)
    best = sum(1 / log2(place + 1) for place in range(1, min(k, len(relevant)) + 1))
    return gain / best if best else 0.0


def average_precision_at(k: int, ranked: Sequence[int], relevant: AbstractSet[int]) -> float:
    """The precision at each hit, averaged over the hits there could be; its mean over listeners is MAP@k.

        ap@k = sum(hit_i * precision@i, i = 1..k) / min(k, |relevant|)

    >>> round(average_precision_at(3, ranked=[7, 8, 9], relevant={7, 9}), 4)
    0.8333
    """
    at_hits = sum(
        precision_at(i, ranked, relevant) for i, song in enumerate(ranked[:k], start=1) if song in relevant
    )
    return at_hits / min(k, len(relevant)) if relevant else 0.0


def reciprocal_rank_at(k: int, ranked: Sequence[int], relevant: AbstractSet[int]) -> float:
    """One over the place of the first hit, 0 without one; its mean over listeners is MRR@k.

    >>> reciprocal_rank_at(3, ranked=[8, 7, 9], relevant={7, 9})
    0.5
    """
    return next((1 / place for place, song in enumerate(ranked[:k], start=1) if song in relevant), 0.0)


def hit_at(k: int, ranked: Sequence[int], relevant: AbstractSet[int]) -> float:
    """1 when anything loved is in the first k places, else 0; its mean over listeners is the hit rate HR@k.

    >>> hit_at(2, ranked=[7, 8, 9], relevant={9}), hit_at(3, ranked=[7, 8, 9], relevant={9})
    (0.0, 1.0)
    """
    return float(not relevant.isdisjoint(ranked[:k]))


def novelty_of(ranked: Sequence[int], share_who_know: Mapping[int, float]) -> float:
    """How surprising the list's songs are, in bits: 1 for songs that half of all listeners know, 0 for those all do.

        novelty = mean of -log2(share_i) over the songs i of the list

    Source: Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems", 2010.

    >>> novelty_of([7, 8], {7: 0.5, 8: 0.125})
    2.0
    """
    return sum(-log2(share_who_know[song]) for song in ranked) / len(ranked) if ranked else 0.0


def diversity_of(ranked: Sequence[int], listeners_of: Mapping[int, AbstractSet[int]]) -> float:
    """How unlike each other the songs of a list are: 0 when the same people hear them all, 1 when nobody hears two.

        diversity = 1 - mean of |L_i ∩ L_j| / sqrt(|L_i| |L_j|) over the pairs i, j of the list

    Source: Ziegler et al., "Improving recommendation lists through topic diversification", 2005, with cosine.

    >>> round(diversity_of([7, 8, 9], {7: {1, 2}, 8: {1, 2}, 9: {3}}), 4)
    0.6667
    """
    alike = [
        len(listeners_of[one] & listeners_of[other])
        / (len(listeners_of[one]) * len(listeners_of[other])) ** 0.5
        if listeners_of[one] and listeners_of[other]
        else 0.0
        for one, other in combinations(ranked, 2)
    ]
    return 1 - sum(alike) / len(alike) if alike else 0.0


def miscalibration_of(mix_shown: Sequence[float], mix_heard: Sequence[float], blur: float = 0.01) -> float:
    """How far the kinds of song in a list are from those in the listener's history, in nats; 0 when the mix is the same.

        KL(p || q') = sum of p_g ln(p_g / q'_g),   q' = (1 - blur) q + blur p

    with p the share of each kind g in the history and q its share in the list. Source: Steck, "Calibrated
    recommendations", 2018.

    >>> miscalibration_of([0.5, 0.5], [0.5, 0.5])
    0.0
    >>> round(miscalibration_of([1.0, 0.0], [0.5, 0.5]), 2)
    1.96
    """
    return sum(
        p * log(p / ((1 - blur) * q + blur * p)) for q, p in zip(mix_shown, mix_heard, strict=True) if p > 0
    )


def gini_of(shown: Sequence[int]) -> float:
    """How unequally songs are shown: 0 when each is as often as any other, near 1 when one gets everything.

        G = sum of (2 r - n - 1) x_(r) over ranks r = 1..n of the ascending counts x, divided by n sum(x)

    >>> gini_of([3, 3, 3]), gini_of([0, 0, 0, 8])
    (0.0, 0.75)
    """
    ascending, n = sorted(shown), len(shown)
    total = sum(ascending)
    return sum((2 * r - n - 1) * x for r, x in enumerate(ascending, start=1)) / (n * total) if total else 0.0
