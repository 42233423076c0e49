"""Recommending in worlds whose answer is known."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from serving.trending.schemas import Chart, TrendingSong
from tests.serving.conftest import heard_lately

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MakeBundle = Callable[..., Bundle]
EVEN, ODD = UserId(2), UserId(1)
CHART = Chart(
    tuple(TrendingSong(song, f"Hit {song}", 1, "Star", "pop", 9) for song in (1003, 1004, 5000)), NOON
)


def over(bundle: Bundle) -> Recommender:
    return Recommender.over(bundle, lambda *_: [])


def by_taste_alone(bundle: Bundle) -> Bundle:
    """Ranked by nothing but the inner product."""
    return replace(bundle, ranker=Linear.of({"taste": 1.0}))


def nearest_for(recommender: Recommender, listener: UserId, limit: int) -> list[int]:
    """What comes before the list is made diverse."""
    wanted = Wanted(limit, dials=PLAIN)
    feed = recommender.feed(listener, NOT_LATELY, wanted, trends=Trends(), at=NOON)
    return [item.song_id for item in feed.items]


def songs_for(
    recommender: Recommender, listener: UserId, limit: int, lately: Lately = NOT_LATELY
) -> list[int]:
    slate = recommender.recommend(listener, limit, lately, chart=Chart(), at=NOON)
    return [item.song_id for item in slate.items]


def test_even_listeners_get_even_songs(checkerboard: MakeBundle) -> None:
    recommender = over(checkerboard(10, 40))

    assert songs_for(recommender, EVEN, 3) == [1040, 1038, 1036]
    assert songs_for(recommender, ODD, 3) == [1039, 1037, 1035]


def test_a_song_heard_since_training_leaves_the_feed(checkerboard: MakeBundle) -> None:
    recommender = over(checkerboard(10, 40))

    assert songs_for(recommender, EVEN, 2, heard_lately(1040, 77)) == [1038, 1036]


def test_a_song_heard_nobody_knows_when_leaves_the_feed(checkerboard: MakeBundle) -> None:
    recommender = over(checkerboard(10, 40))
    lately = heard_lately(1038, also=[77, 1040, 1036, 9999])

    slate = recommender.recommend(EVEN, 100, lately, chart=CHART, at=NOON)

    given_songs = [item.song_id for item in slate.items]
    assert (
        len(given_songs) == len(set(given_songs)) == 40 - 17 - 3 + 1
    )  # one of the chart is not in the bundle
    assert not {1040, 1038, 1036} & set(given_songs)


def test_every_song_comes_with_a_reason_that_was_heard(checkerboard: MakeBundle) -> None:
    bundle = checkerboard(10, 40)
    slate = over(bundle).recommend(EVEN, 3, chart=Chart(), at=NOON)

    assert {item.reason.code for item in slate.items} == {"because-you-listened"}
    for seed in (seed for item in slate.items for seed in item.reason.seeds):
        assert bundle.heard[[EVEN - 1], [seed.song_id - 1001]].all()


def test_the_slate_names_what_it_was_made_from(checkerboard: MakeBundle) -> None:
    slate = over(checkerboard(10, 40, version="v7")).recommend(EVEN, 3, chart=Chart(), at=NOON)

    assert (slate.model, slate.version, slate.policy, slate.user_id) == ("als/v7", "v7", "als", 2)
    assert (slate.generated_at, slate.slate_id.version) == (NOON, 7)
    assert [item.rank for item in slate.items] == [1, 2, 3]


def test_none_of_the_500_best_songs_is_given_when_all_are_heard(bundle_of: MakeBundle) -> None:
    rng = np.random.default_rng(5)
    songs = rng.normal(size=(2000, 16))
    taste = rng.normal(size=(1, 16))
    best_first = np.argsort(-(songs @ taste[0]))
    heard = np.zeros((1, 2000), np.bool_)
    heard[0, best_first[:500]] = True

    recommender = over(by_taste_alone(bundle_of(taste, songs, heard)))

    given_songs = nearest_for(recommender, UserId(1), 100)

    assert given_songs == (best_first[500:600] + 1001).tolist()


def test_a_listener_without_history_gets_what_is_trending_then_what_is_popular(
    checkerboard: MakeBundle,
) -> None:
    recommender = over(checkerboard(3, 10, strangers=[50]))

    slate = recommender.recommend(UserId(50), 6, chart=CHART, at=NOON)

    assert [item.song_id for item in slate.items] == [1003, 1004, 5000, 1001, 1002, 1005]
    assert [item.reason.code for item in slate.items] == [*["trending"] * 3, "popular", "popular", "unheard"]
    assert slate.policy == "trending"


def test_everyone_gets_as_many_songs_as_there_are_unheard_ones(checkerboard: MakeBundle) -> None:
    recommender = over(checkerboard(10, 40))

    songs = songs_for(recommender, EVEN, 100)

    assert len(songs) == len(set(songs)) == 40 - 17
    assert songs[:3] == [1040, 1038, 1036]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 60), st.integers(1, 25))
def test_one_listener_and_all_listeners_get_identical_lists(
    bundle_of: MakeBundle, seed: int, listeners: int, songs: int, limit: int
) -> None:
    rng = np.random.default_rng(seed)
    bundle = bundle_of(
        rng.normal(size=(listeners, 5)),
        rng.normal(size=(songs, 5)) * rng.integers(0, 2, size=(songs, 1)),
        rng.random((listeners, songs)) < rng.random(),
        strangers=[900],
    )
    recommender = over(bundle)
    everyone = [UserId(listener) for listener in recommender.known.tolist()]
    lately = {
        listener: heard_lately(
            *rng.integers(990, 1070, 4).tolist(),
            at=NOON + timedelta(seconds=int(rng.integers(-3, 4))),
            also=rng.integers(990, 1070, 6).tolist(),
        )
        for listener in everyone
        if rng.random() < 0.7
    }

    together = [
        feed
        for feeds in recommender.recommend_many(everyone, limit, trends=Trends(CHART), lately=lately, at=NOON)
        for feed in feeds
    ]
    alone = [
        recommender.recommend(each, limit, lately.get(each, NOT_LATELY), chart=CHART, at=NOON)
        for each in everyone
    ]

    assert [feed.items for feed in together] == [slate.items for slate in alone]
    assert [feed.policy for feed in together] == [slate.policy for slate in alone]


@pytest.mark.parametrize("limit", [1, 20])
def test_the_index_and_the_exact_product_give_the_same_songs(
    bundle_of: MakeBundle, publish: Callable[[Bundle], None], vectors: Vectors, blobs: Blobs, limit: int
) -> None:
    rng = np.random.default_rng(3)
    bundle = bundle_of(rng.normal(size=(4, 8)), rng.normal(size=(500, 8)), rng.random((4, 500)) < 0.4)
    publish(bundle)
    exact = loader(vectors, blobs)("v1")
    by_index = Recommender.over(exact.bundle, exact.nearest, searched_up_to=0)

    for listener in (UserId(1), UserId(2), UserId(3), UserId(4)):
        assert songs_for(by_index, listener, limit) == songs_for(exact, listener, limit)
