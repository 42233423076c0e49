"""Says why a song is recommended: which heard songs speak for it, in one honest sentence."""

from collections.abc import Sequence

import numpy as np

from models.arrays import Factors, Positions
from serving.recommend.schemas import Reason, Seed

SEEDS = 3
SHARE = 0.5  # a further seed speaks at least half as strongly as the first one


def seeds_of(factors: Factors, songs: Positions, heard: Positions) -> list[Positions]:
    """For each recommended song the one to three heard songs that speak most for it, strongest first.

        strength(heard h, song s) = ⟨h, s⟩ / |h|

    The length of h is divided out, since it grows with popularity: everyone's hit would be everyone's reason.
    """
    if len(heard) == 0 or len(songs) == 0:
        return [np.empty(0, np.int64) for _ in songs]
    spoken = factors[heard]
    lengths = np.sqrt(np.einsum("ij,ij->i", spoken, spoken))
    lengths[lengths == 0] = 1
    strengths = factors[songs] @ (spoken / lengths[:, np.newaxis]).T
    enough = SHARE * strengths.max(axis=1)
    rows = np.arange(len(songs))
    strongest = np.zeros((SEEDS, len(songs)), np.int64)
    speaks = np.zeros((SEEDS, len(songs)), np.bool_)
    for rank in range(min(SEEDS, len(heard))):
        strongest[rank] = strengths.argmax(axis=1)
        found = strengths[rows, strongest[rank]]
        speaks[rank] = (found > 0) & (found >= enough)
        strengths[rows, strongest[rank]] = -np.inf
    return [heard[places[which]] for places, which in zip(strongest.T, speaks.T, strict=True)]


def because_of(seeds: Sequence[Seed]) -> Reason:
    """The reason of a song that the model chose.

    >>> because_of([Seed(1, "Yesterday", "The Beatles"), Seed(2, "Air", "Air")]).text
    'Because you listened to Yesterday by The Beatles and Air.'
    >>> because_of([]).code
    'fits-your-taste'
    """
    if not seeds:
        return FITS_YOUR_TASTE
    *others, last = [_named(seed) for seed in seeds]
    names = f"{', '.join(others)} and {last}" if others else last
    return Reason("because-you-listened", f"Because you listened to {names}.", tuple(seeds))


def _named(seed: Seed) -> str:
    """The song's name; where an artist stands in as one song, the name once."""
    return seed.title if seed.artist in ("", seed.title) else f"{seed.title} by {seed.artist}"


FITS_YOUR_TASTE = Reason("fits-your-taste", "Fits your listening as a whole.")
TRENDING = Reason("trending", "Among the most listened-to songs lately.")
POPULAR = Reason("popular", "One of the most listened-to songs.")
UNHEARD = Reason("unheard", "Nobody had listened to it when the model was made.")
