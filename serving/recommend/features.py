"""The numbers that the ranker puts candidates in order by, for all candidates of one listener at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Positions, among, once
from models.bundle import Bundle
from models.ranker.linear import NAMES
from serving.recommend.asking import Asker
from serving.recommend.ranking import products_of
from serving.recommend.retrieval import Found, Sources
from serving.recommend.songs import SongFacts

COLUMN = {name: column for column, name in enumerate(NAMES)}
FRESH_FOR = 30  # days


@dataclass(frozen=True, slots=True)
class Featured:
    """Candidates with their features and factors, each once, in ascending order of position."""

    places: Positions
    features: Factors  # [candidates × features]
    factors: Factors  # [candidates × factors]: of listens, else of words
    spoken: dict[str, NDArray[np.float64]] = field(
        default_factory=dict
    )  # what each source says of each; 0: nothing


def featured(found: Sequence[Found], asker: Asker, sources: Sources) -> Featured:
    """The candidates that were found, but for those that may not be given, and what is known of each."""
    bundle, facts = sources.bundle, sources.facts
    places = once(np.concatenate([each.places for each in found]))
    is_out = asker.barred.among(places)
    if not asker.wanted.dials.familiarity:
        is_out |= among(places, asker.history.heard)
    places = places[~is_out]
    factors, is_placed = _factors(places, bundle, sources)
    spoken = {each.source: _spread(each, places) for each in found if len(each.places)}
    features = np.zeros((len(places), len(NAMES)), np.float32)
    taste = asker.history.taste
    if taste is not None and len(places):
        products = products_of(factors, taste)
        features[:, COLUMN["taste"]] = products * ~is_placed
        features[:, COLUMN["placed"]] = products * is_placed
    row = bundle.graph_filter.row(asker.history.speaking, asker.history.listens)
    if row is not None:
        features[:, COLUMN["filter"]] = bundle.graph_filter.scores(places, row)
    for source, name in (("words", "content"), ("sessions", "together")):
        if source in spoken:
            features[:, COLUMN[name]] = spoken[source]
    for source in ("charts", "genres"):
        if source in spoken:
            np.maximum(
                features[:, COLUMN["trending"]],
                spoken[source],
                out=features[:, COLUMN["trending"]],
                casting="unsafe",
            )
    features[:, COLUMN["popular"]] = facts.popular[places]
    age = facts.age(places, asker.at.date())
    features[:, COLUMN["fresh"]] = np.maximum(1 - age / FRESH_FOR, 0) * (age >= 0)
    if len(asker.followed):
        features[:, COLUMN["followed"]] = among(facts.artists[places], once(asker.followed))
    features[:, COLUMN["genre"]] = asker.mix[facts.genres[places]] if len(asker.mix) else 0
    features[:, COLUMN["artist"]] = _by_their_artists(facts.artists[places], asker, facts)
    features[:, COLUMN["wanted"]] = _wanted(places, asker, sources)
    if asker.direction is not None:
        lengths = np.sqrt(np.vecdot(factors, factors))
        features[:, COLUMN["seed"]] = products_of(factors, asker.direction) / np.maximum(lengths, 1e-9)
    return Featured(places, features, factors, spoken)


def _factors(places: Positions, bundle: Bundle, sources: Sources) -> tuple[Factors, NDArray[np.bool_]]:
    """The factors of these songs, and of which they come from words alone."""
    factors = bundle.song_factors[places]
    is_placed = np.zeros(len(places), np.bool_)
    if len(sources.placed):
        at = sources.placed.searchsorted(places)
        is_placed = sources.placed.take(at, mode="clip") == places
        factors[is_placed] = sources.placed_factors[at[is_placed]]
    return factors, is_placed


def _spread(found: Found, places: Positions) -> NDArray[np.float64]:
    """What a source says of each of all candidates: the most it said of a song, 0 where nothing."""
    scores = np.zeros(len(places))
    if len(places):
        at = places.searchsorted(found.places)
        is_in = places.take(at, mode="clip") == found.places
        np.maximum.at(scores, at[is_in], found.scores[is_in])
    return scores


def _by_their_artists(artists: NDArray[np.int64], asker: Asker, facts: SongFacts) -> NDArray[np.float64]:
    """Of each of some artists, the part of the listener's listens that are theirs, each song by ln(1 + listens)."""
    history = asker.history
    if not len(history.speaking):
        return np.zeros(len(artists))
    of_each = facts.artists[history.speaking]
    order = of_each.argsort(kind="stable")
    of_each = of_each[order]
    until = np.concatenate([[0.0], np.cumsum(np.log1p(history.listens[order].astype(np.float64)))])
    heard = until[of_each.searchsorted(artists, "right")] - until[of_each.searchsorted(artists, "left")]
    parts: NDArray[np.float64] = heard / until[-1]
    return parts


def _wanted(places: Positions, asker: Asker, sources: Sources) -> NDArray[np.float32]:
    """1 for each wish for more of a song, its artist or its genre, and -1 for each wish for less."""
    wanted = np.zeros(len(places), np.float32)
    facts, song_ids = sources.facts, sources.bundle.song_ids
    for each in asker.lately.wishes.feedback:
        if each.wish not in ("more", "less") or not each.holds(asker.at):
            continue
        sign = 1 if each.wish == "more" else -1
        if each.kind == "artist":
            wanted[facts.artists[places] == each.target_id] += sign
        elif each.kind == "genre":
            wanted[facts.genres[places] == facts.genre_codes.get(each.genre, -1)] += sign
        elif each.kind == "song":
            wanted[song_ids[places] == each.target_id] += sign
    return wanted
