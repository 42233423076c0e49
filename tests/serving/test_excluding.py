"""Heard songs stay out even when they are the nearest ones, whichever way the nearest are found."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from feature_store.online import Lately
from foundation.engines.blobs import Blobs
from foundation.engines.vectors.port import Vectors
from foundation.ids import UserId
from models.bundle import Bundle
from models.diversity.choosing import PLAIN
from models.ranker.linear import Linear
from serving.lifespan import loader
from serving.recommend.asking import Trends, Wanted
from serving.recommend.recommender import NOT_LATELY, Recommender
from tests.serving.conftest import heard_lately

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MakeBundle = Callable[..., Bundle]
LISTENERS, SONGS, FACTORS, HEARD = 8, 6000, 24, 500


@pytest.fixture
def both_ways(
    bundle_of: MakeBundle, publish: Callable[[Bundle], None], vectors: Vectors, blobs: Blobs
) -> tuple[Recommender, Recommender]:
    """The same bundle ranked exactly and by the index; each listener has heard exactly their 500 nearest songs."""
    rng = np.random.default_rng(11)
    songs = rng.normal(size=(SONGS, FACTORS)) * rng.lognormal(0, 0.3, (SONGS, 1))
    tastes = rng.normal(size=(LISTENERS, FACTORS))
    heard = np.zeros((LISTENERS, SONGS))
    np.put_along_axis(heard, np.argsort(-(tastes @ songs.T), axis=1)[:, :HEARD], 1, axis=1)
    publish(replace(bundle_of(tastes, songs, heard), ranker=Linear.of({"taste": 1.0})))
    exact = loader(vectors, blobs)("v1")
    return exact, Recommender.over(exact.bundle, exact.nearest, searched_up_to=0)


def best_unheard(recommender: Recommender, listener: UserId, lately: Lately, limit: int) -> list[int]:
    """The answer by its definition: all scores in doubles, the heard ones struck out."""
    history = recommender.histories.history(listener, lately)
    assert history.taste is not None
    scores = recommender.bundle.song_factors.astype(np.float64) @ history.taste.astype(np.float64)
    scores[history.heard] = -np.inf
    return recommender.bundle.song_ids[np.argsort(-scores)[:limit]].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("limit", [10, 100])
@pytest.mark.parametrize("has_news", [False, True])
def test_of_500_nearest_songs_all_heard_none_is_given_and_the_best_others_are(
    both_ways: tuple[Recommender, Recommender], limit: int, has_news: bool
) -> None:
    exact, by_index = both_ways
    found, wanted = 0, 0
    for listener in map(UserId, range(1, LISTENERS + 1)):
        lately = NOT_LATELY
        if has_news:  # the next three they would have been given, heard a moment ago
            nearest = best_unheard(exact, listener, NOT_LATELY, 3)
            lately = heard_lately(*nearest, at=NOON + timedelta(minutes=1))
        best = best_unheard(exact, listener, lately, limit)
        heard = set(exact.bundle.song_ids[exact.histories.history(listener, lately).heard].tolist())

        given = {
            way: [
                item.song_id
                for item in way_of.feed(
                    listener, lately, Wanted(limit, dials=PLAIN), trends=Trends(), at=NOON
                ).items
            ]
            for way, way_of in {"exact": exact, "index": by_index}.items()
        }

        assert given["exact"] == best
        assert len(set(given["index"])) == limit
        assert not heard & set(given["index"])
        found += len(set(best) & set(given["index"]))
        wanted += limit

    assert found / wanted >= 0.99
