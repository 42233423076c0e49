"""Where candidates come from: small parts of one shape, each of which knows one reason why a song may suit somebody."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Positions, among, once
from models.bundle import Bundle
from models.exploration.audience import Pool
from serving.recommend.asking import Asker
from serving.recommend.history import NOTHING, positions
from serving.recommend.songs import SongFacts

TASTE = 300  # songs that taste finds, or three times as many as are wanted
SPOKEN_FOR = 5  # recent songs whose neighbours are taken
PLACED, PLACED_AT_MOST = 30, 20_000  # songs without listens: found, and looked through (the newest)
CHARTED = 50
NEW, NEW_FOR = 40, 60  # songs of followed artists, and the days after which they are new no more
OF_GENRES = 100
KNOWN_BEST = 200  # songs heard before, where some are wanted


class Found(NamedTuple):
    """Candidates with what this source says of each: a number that grows with how much it speaks for the song."""

    source: str
    places: Positions
    scores: NDArray[np.float64]


Source: TypeAlias = Callable[[Asker], Found]


@dataclass(frozen=True, slots=True)
class Sources:
    """All of them over one bundle. `sources` is the list: another one is another line."""

    bundle: Bundle
    facts: SongFacts
    placed: Positions  # songs that nobody has listened to and whose words place them, ascending
    placed_factors: Factors
    pool: Pool  # songs with little exposure
    pool_artists: Positions  # of each of them, numbered from 0

    @classmethod
    def of(cls, bundle: Bundle, facts: SongFacts) -> Self:
        """What is computed once for a bundle."""
        content = bundle.content
        newest = np.sort(np.argsort(-facts.released[content.placed], kind="stable")[:PLACED_AT_MOST])
        placed = content.placed[newest]
        placed_factors = content.placed_factors[newest].reshape(len(placed), bundle.song_factors.shape[1])
        pool = _pool(bundle, placed, placed_factors)
        _, artists = np.unique(facts.artists[pool.places], return_inverse=True)
        return cls(bundle, facts, placed, placed_factors, pool, artists)

    def found(self, asker: Asker) -> list[Found]:
        """What each source finds; with seeds only those that look around them."""
        sources: tuple[Source, ...] = (
            (self._by_taste, self._by_words, self._by_sessions, self._of_seeds)
            if asker.wanted.seeds is not None
            else (
                self._by_taste,
                self._by_words,
                self._by_sessions,
                self._by_place,
                self._by_charts,
                self.by_follows,
                self._by_genres,
            )
        )
        found = [source(asker) for source in sources]
        if asker.wanted.dials.familiarity > 0:
            found.append(self._heard_before(asker))
        if len(asker.wanted.also):
            found.append(Found("also", asker.wanted.also, np.zeros(len(asker.wanted.also))))
        return found

    def _by_taste(self, asker: Asker) -> Found:
        """The songs of the highest inner product with the listener's factors, or with where the seeds point."""
        if asker.nearest is None:
            return Found("taste", NOTHING, np.empty(0))
        return Found("taste", asker.nearest.songs, asker.nearest.scores)

    def _by_words(self, asker: Asker) -> Found:
        """The nearest songs, by their words, of the songs heard last or asked for."""
        table, around = self.bundle.content.neighbours, around_of(asker)
        if not len(table) or not len(around):
            return Found("words", NOTHING, np.empty(0))
        places = table[around].ravel().astype(np.int64)
        likeness = self.bundle.content.likeness[around].ravel().astype(np.float64)
        return Found("words", places[places >= 0], likeness[places >= 0])

    def _by_sessions(self, asker: Asker) -> Found:
        """The songs that people play in one sitting with those heard last or asked for."""
        return Found("sessions", *self.bundle.together.around(around_of(asker)))

    def _by_place(self, asker: Asker) -> Found:
        """Songs that nobody has listened to yet, by the place that their words give them."""
        taste = asker.history.taste
        if taste is None or not len(self.placed):
            return Found("placed", NOTHING, np.empty(0))
        scores = self.placed_factors @ taste
        best = np.argpartition(-scores, min(PLACED, len(scores)) - 1)[:PLACED]
        best = best[scores[best] > 0]
        return Found("placed", self.placed[best], scores[best].astype(np.float64))

    def _by_charts(self, asker: Asker) -> Found:
        """The charts of the listener's country, and of the genres they listen to most."""
        region = asker.country or None
        genres = [self.facts.genre_names[code] for code in np.argsort(-asker.mix)[:2] if asker.mix[code] > 0]
        places, scores = [], []
        for genre in (None, *(genre for genre in genres if genre)):
            ids = np.array(asker.trends.near(genre, region)[:CHARTED], np.int64)
            ranks = among(ids, self.bundle.song_ids).nonzero()[0]
            places.append(positions(self.bundle.song_ids, ids))
            scores.append(1 / np.log2(ranks + 2.0))
        return Found("charts", np.concatenate(places), np.concatenate(scores))

    def by_follows(self, asker: Asker) -> Found:
        """New songs of the artists whom the listener follows or loves, the newest first."""
        followed = asker.followed
        if not len(followed):
            return Found("follows", NOTHING, np.empty(0))
        songs = self.facts.by_artist.of_values(once(followed))
        age = self.facts.age(songs, asker.at.date())
        songs, age = songs[(age >= 0) & (age <= NEW_FOR)], age[(age >= 0) & (age <= NEW_FOR)]
        newest = np.argsort(age, kind="stable")[:NEW]
        return Found("follows", songs[newest], 1 - age[newest] / (NEW_FOR + 1))

    def _by_genres(self, asker: Asker) -> Found:
        """Of somebody with little or no history, the most popular songs of the genres that they named."""
        genres = asker.lately.wishes.preferences.genres
        if len(asker.history.speaking) >= OF_GENRES // 10 or not genres:
            return Found("genres", NOTHING, np.empty(0))
        songs = [self.facts.of_genre(genre)[:OF_GENRES] for genre in genres]
        scores = [1 / np.log2(np.arange(len(some)) + 2.0) for some in songs]
        return Found("genres", np.concatenate(songs), np.concatenate(scores))

    def _of_seeds(self, asker: Asker) -> Found:
        """The seeds themselves where there are many: of an artist or a genre, not the one song that was named."""
        seeds = asker.wanted.seeds
        if seeds is None or len(seeds.places) < 2:
            return Found("seeds", NOTHING, np.empty(0))
        return Found("seeds", seeds.places, 1 / np.log2(np.arange(len(seeds.places)) + 2.0))

    def _heard_before(self, asker: Asker) -> Found:
        """The songs that the listener heard most, or loves."""
        history = asker.history
        if not len(history.speaking):
            return Found("heard", NOTHING, np.empty(0))
        most = np.argsort(-history.listens, kind="stable")[:KNOWN_BEST]
        return Found("heard", history.speaking[most], np.log1p(history.listens[most].astype(np.float64)))


def around_of(asker: Asker) -> Positions:
    """The songs whose neighbours are looked at: those heard last, or the seeds."""
    seeds = asker.wanted.seeds
    return asker.history.recent[:SPOKEN_FOR] if seeds is None else seeds.places[: 2 * SPOKEN_FOR]


def _pool(bundle: Bundle, placed: Positions, placed_factors: Factors) -> Pool:
    """The songs that lack exposure, at the place that listens give them, else at that of their words."""
    if not len(bundle.needs):
        nobody = np.empty((0, bundle.song_factors.shape[1]), np.float32)
        return Pool.of(NOTHING, nobody, np.empty(0, np.int8), bundle.listener_factors)
    heard = np.flatnonzero((bundle.needs > 0) & bundle.song_factors.any(axis=1))
    unheard = bundle.needs[placed] > 0
    places = np.concatenate([heard, placed[unheard]])
    factors = np.concatenate([bundle.song_factors[heard], placed_factors[unheard]])
    order = np.argsort(places)
    return Pool.of(places[order], factors[order], bundle.needs[places[order]], bundle.listener_factors)
