"""Says why a song is recommended: which heard songs speak for it, or whatever else does, in one honest sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Positions
from models.bundle import Bundle
from serving.recommend.asking import Asker
from serving.recommend.names import SongNames
from serving.recommend.policy import EXPLORED, Chosen
from serving.recommend.retrieval import around_of
from serving.recommend.schemas import Reason, Seed

SEEDS = 3
SHARE = 0.5  # a further seed speaks at least half as strongly as the first one


@dataclass(frozen=True, slots=True)
class Reasons:
    """The reasons of the lists of one bundle."""

    bundle: Bundle
    names: SongNames

    def of(self, chosen: Chosen, asker: Asker) -> list[Reason]:
        """A reason for each song of a list."""
        by_taste = np.array(
            [source in ("taste", "heard", EXPLORED, "placed") for source in chosen.sources], np.bool_
        )
        seeds = iter(seeds_of(self.bundle.song_factors, chosen.places[by_taste], asker.history.speaking))
        reasons, called = [], {}
        for place, source, is_by_taste in zip(
            chosen.places.tolist(), chosen.sources, by_taste.tolist(), strict=True
        ):
            heard = next(seeds) if is_by_taste else ()
            for each in heard:
                if each not in called:
                    called[each] = self.names.seed(each)
            reasons.append(self._reason(place, source, [called[each] for each in heard], asker))
        return reasons

    def _reason(self, place: int, source: str, heard: list[Seed], asker: Asker) -> Reason:
        artist, genre = self.names.artists[place], self.names.genres[place]
        match source:
            case "heard":
                return HEARD_BEFORE
            case _ if source == EXPLORED:
                return Reason(
                    "little-heard", "Few have heard it yet, and it fits your listening.", tuple(heard)
                )
            case "placed":
                return Reason(
                    "new-to-all", "Nobody has listened to it yet; its words are like those you listen to."
                )
            case "follows":
                return Reason("followed-artist", f"New from {artist}, whom you follow.")
            case "charts":
                where = f" in {asker.country}" if asker.country else ""
                return Reason("trending", f"Among the most listened-to songs lately{where}.")
            case "genres":
                return Reason("picked-genre", f"Much listened to in {genre}, which you picked.")
            case "words":
                return self._alike(place, asker)
            case "sessions":
                return self._together(place, asker)
        if asker.wanted.seeds is not None:
            return Reason("because-you-asked", f"Like {asker.wanted.seeds.name}.")
        return because_of(heard)

    def _alike(self, place: int, asker: Asker) -> Reason:
        """Which song it is like in words."""
        content = self.bundle.content
        seed = self._nearest(place, around_of(asker), content.neighbours, content.likeness)
        if seed is None:
            return FITS_YOUR_TASTE
        return Reason("sounds-alike", f"In words much like {_named(seed)}.", (seed,))

    def _together(self, place: int, asker: Asker) -> Reason:
        """With which song it is played in one sitting."""
        table = self.bundle.together
        seed = self._nearest(place, around_of(asker), table.session_neighbours, table.session_weights)
        if seed is None:
            return FITS_YOUR_TASTE
        return Reason("played-together", f"Often played together with {_named(seed)}.", (seed,))

    def _nearest(
        self, place: int, around: Positions, neighbours: NDArray[np.int32], weights: NDArray[np.float32]
    ) -> Seed | None:
        """Which of some songs has this one as its nearest neighbour; None where none has it at all."""
        rows, columns = np.nonzero(neighbours[around] == place)
        if not len(rows):
            return None
        nearest = int(rows[weights[around[rows], columns].argmax()])
        return self.names.seed(int(around[nearest]))


def seeds_of(factors: Factors, songs: Positions, heard: Positions) -> list[list[int]]:
    """For each recommended song the one to three heard songs that speak most for it, strongest first.

        strength(heard h, song s) = ⟨h, s⟩ / |h|

    The length of h is divided out, since it grows with popularity: everyone's hit would be everyone's reason.
    """
    if len(heard) == 0 or len(songs) == 0:
        return [[] for _ in songs]
    spoken = factors[heard]
    lengths = np.sqrt(np.vecdot(spoken, spoken))
    lengths[lengths == 0] = 1
    strengths = factors[songs] @ spoken.T / lengths
    rows = np.arange(len(songs))
    enough = np.zeros(len(songs), np.float32)
    seeds: list[list[int]] = [[] for _ in songs]
    for rank in range(min(SEEDS, len(heard))):
        strongest = strengths.argmax(axis=1)
        found = strengths[rows, strongest]
        if rank == 0:
            enough = SHARE * found
        speaks = (found > 0) & (found >= enough)
        for mine, seed, does_speak in zip(seeds, heard[strongest].tolist(), speaks.tolist(), strict=True):
            if does_speak:
                mine.append(seed)
        strengths[rows, strongest] = -np.inf
    return seeds


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
HEARD_BEFORE = Reason("heard-before", "You have listened to it before.")
TRENDING = Reason("trending", "Among the most listened-to songs lately.")
POPULAR = Reason("popular", "One of the most listened-to songs.")
UNHEARD = Reason("unheard", "Nobody had listened to it when the model was made.")
