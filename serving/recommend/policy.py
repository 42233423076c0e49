"""The two stages: candidates from every source, filtered, then ranked, diversified and explored; with what came of each."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Positions, among
from models.diversity.choosing import Candidates, choose
from models.diversity.formulas import cap
from models.exploration.drawing import NOBODY, draw
from models.ranker.linear import Linear
from serving.recommend.asking import Asker
from serving.recommend.features import COLUMN, Featured, featured
from serving.recommend.history import NOTHING, positions
from serving.recommend.ranking import products_of
from serving.recommend.retrieval import Sources

RANKED = 600  # candidates that are diversified: the best ones by the ranker
EXPLORED = "explored"  # the source of what chance put on a list


@dataclass(frozen=True, slots=True)
class Chosen:
    """A list: songs by position, each with its score, the source that says most for it, and the chance that it stands there."""

    places: Positions
    scores: NDArray[np.float64]
    sources: tuple[str, ...]
    propensities: NDArray[np.float64]
    candidates_hash: int
    candidates: int

    @classmethod
    def nothing(cls) -> "Chosen":
        """No candidate was found."""
        return cls(NOTHING, np.empty(0), (), np.empty(0), 0, 0)


def chosen_for(asker: Asker, sources: Sources, ranker: Linear) -> Chosen:
    """The list for one request."""
    candidates = featured(sources.found(asker), asker, sources)
    if not len(candidates.places):
        return Chosen.nothing()
    if asker.wanted.watch is not None:
        asker.wanted.watch(candidates.places, candidates.features)
    scores = ranker.scores(candidates.features)
    best = (-scores).argsort(kind="stable")[: max(RANKED, asker.wanted.limit)]
    order = best[_diversified(asker, sources, candidates, scores, best)]
    names = _sources_of(candidates, order, ranker)
    plain = Chosen(
        candidates.places[order],
        scores[order],
        names,
        np.ones(len(order)),
        _hash(sources.bundle.song_ids[candidates.places]),
        len(candidates.places),
    )
    return _explored(plain, asker, sources, ranker)


def _diversified(
    asker: Asker, sources: Sources, candidates: Featured, scores: NDArray[np.float64], best: Positions
) -> Positions:
    """Which of the best candidates make the list, in its order: positions in `best`."""
    places, dials, facts = candidates.places[best], asker.wanted.dials, sources.facts
    if dials.is_plain and not dials.familiarity:
        return np.arange(min(asker.wanted.limit, len(best)))
    is_familiar = np.zeros(len(best), np.bool_)
    if dials.familiarity:
        is_familiar = among(places, asker.history.heard)
    several = Candidates(
        scores[best],
        candidates.factors[best],
        facts.artists[places],
        facts.albums[places],
        facts.genres[places],
        is_familiar,
    )
    return choose(several, asker.mix, asker.wanted.limit, dials)


def _sources_of(candidates: Featured, order: Positions, ranker: Linear) -> tuple[str, ...]:
    """What says most for each: new songs of whom they follow, the seeds and their taste before words and charts.

    Sessions come before taste and seeds where they count for more of the score than these do.
    """
    names = np.full(len(order), "taste", dtype=object)
    is_settled = np.zeros(len(order), np.bool_)
    weighed = candidates.features[order] * ranker.weights
    by_taste = [COLUMN["taste"], COLUMN["filter"], COLUMN["seed"]]
    is_together = weighed[:, COLUMN["together"]] > weighed[:, by_taste].sum(axis=1)
    for source, may in (
        ("follows", None),
        ("heard", None),
        ("sessions", is_together),
        *((each, None) for each in ("taste", "seeds", "sessions", "placed", "words", "genres", "charts")),
    ):
        if source in candidates.spoken:
            speaks = (candidates.spoken[source][order] > 0) & ~is_settled
            if may is not None:
                speaks &= may
            names[speaks] = source
            is_settled |= speaks
    return tuple(names.tolist())


def _explored(plain: Chosen, asker: Asker, sources: Sources, ranker: Linear) -> Chosen:
    """The list with places given to songs with little exposure, among listeners who are likely to like them."""
    taste, pool, wanted = asker.history.taste, sources.pool, asker.wanted
    if taste is None or not wanted.budget.share or not len(pool.places):
        return plain
    is_mine = pool.is_for(taste)
    for known in (plain.places, asker.history.heard):
        is_mine[positions(pool.places, known)] = False
    mine = is_mine.nonzero()[0]
    places, artists = pool.places[mine], sources.pool_artists[mine]
    # A drawn song takes another's place, and no two drawn ones share an artist: the cap on artists holds as before.
    is_free = ~asker.barred.among(places)
    listed, most = (
        sources.facts.artists[plain.places].tolist(),
        cap(wanted.limit, wanted.dials.artist_share),
    )
    for artist in (artist for artist in set(listed) if listed.count(artist) >= most):
        is_free &= sources.facts.artists[places] != artist
    mine, places, artists = mine[is_free], places[is_free], artists[is_free]
    chance = np.random.default_rng(wanted.seed)
    drawn = draw(len(plain.places), pool.needs[mine], artists, wanted.budget, chance)
    given = (drawn.explored != NOBODY).nonzero()[0]
    shown, scores, names = plain.places.copy(), plain.scores.copy(), list(plain.sources)
    for at in given.tolist():
        one = int(drawn.explored[at])
        shown[at] = places[one]
        scores[at] = float(products_of(pool.factors[mine[one]], taste)) * float(
            ranker.weights[COLUMN["taste"]]
        )
        names[at] = EXPLORED
    candidates_hash = plain.candidates_hash ^ _hash(sources.bundle.song_ids[places])
    return Chosen(
        shown, scores, tuple(names), drawn.propensities, candidates_hash, plain.candidates + len(places)
    )


def _hash(song_ids: NDArray[np.int64]) -> int:
    """64 bits of the songs that a list was chosen from, whose ids ascend."""
    digest = hashlib.blake2b(song_ids.data, digest_size=8).digest()
    return int.from_bytes(digest, "big")
