"""What a ranked list is worth to one listener, each measure in its plainest form.

These are the definitions. `models.evaluation.batch` computes the same numbers for many listeners at once and is
tested against them. Gain is binary: a song is relevant or it is not. Source of the formulas: Järvelin and
Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002; Voorhees, TREC-8 question answering, 1999.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from math import log2


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
