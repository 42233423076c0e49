"""The listeners of a made-up world: where they live, how often they listen, and what they secretly like."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from foundation.contracts.history import LISTENERS
from pipelines.world.backdrop import COUNTRIES
from pipelines.world.catalogue import (
    TASTE_DIMENSIONS,
    Catalogue,
    Floats,
    Ints,
    Vectors,
    numbered_ids,
    shares,
    unit,
)

SESSIONS_A_DAY = 0.42
FAVOURITES = 40


@dataclass(frozen=True, slots=True)
class People:
    """Listeners, one row each, with the truth about them.

    `genre_tastes` float32[listeners, genres] and `scene_tastes` float32[listeners, genres, scenes of a genre]
    are shares that sum to 1; `vectors` float32[listeners, d] have length 1 and tell the rest of the taste.
    """

    frame: pl.DataFrame
    countries: Ints
    sessions_a_day: Floats
    joined: Floats
    genre_tastes: Vectors
    scene_tastes: Vectors
    vectors: Vectors


def make_people(rng: np.random.Generator, *, listeners: int, catalogue: Catalogue) -> People:
    """Most people love two or three genres and a few scenes of each; their country pulls a little."""
    genres, scenes = len(catalogue.genres), catalogue.scenes_of_a_genre
    countries = rng.choice(len(COUNTRIES), size=listeners, p=shares([one.weight for one in COUNTRIES]))
    local = rng.lognormal(0, 0.6, (len(COUNTRIES), genres)) * np.array(
        [one.weight for one in catalogue.genres]
    )
    genre_tastes = _shares_of_rows(rng.standard_gamma(0.35 * local[countries]))
    scene_tastes = _shares_of_rows(rng.standard_gamma(0.4, (listeners, genres, scenes), dtype=np.float32))
    weights = (genre_tastes[:, :, None] * scene_tastes).reshape(listeners, genres * scenes)
    own = unit(rng.standard_normal((listeners, TASTE_DIMENSIONS), dtype=np.float32))
    return People(
        frame=pl.DataFrame(
            {
                "external_id": numbered_ids("l", listeners),
                "country": pl.Series([one.code for one in COUNTRIES], dtype=pl.String).gather(countries),
            },
            schema=LISTENERS,
        ),
        countries=countries,
        sessions_a_day=SESSIONS_A_DAY * rng.lognormal(-0.25, 0.7, listeners),
        joined=np.where(rng.random(listeners) < 0.7, 0.0, rng.random(listeners) * 0.6),
        genre_tastes=genre_tastes,
        scene_tastes=scene_tastes,
        vectors=unit(unit(weights @ catalogue.scene_vectors) + 0.6 * own),
    )


def _shares_of_rows(amounts: Floats | Vectors) -> Vectors:
    """Along the last axis; a row whose amounts all came out as nothing gets equal shares."""
    amounts = np.asarray(amounts, dtype=np.float32) + np.float32(1e-6)
    return np.asarray(amounts / amounts.sum(axis=-1, keepdims=True), dtype=np.float32)
