"""Songs that people play in one sitting: candidates of their own, with a feature and a reason of their own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.sparse import csr_array

from feature_store.online import Lately
from foundation.ids import UserId
from models.bundle import Bundle
from models.together import Together
from serving.recommend.asked import Named, seeds_of
from serving.recommend.asking import Trends, Wanted
from serving.recommend.recommender import NOT_LATELY, Feed, Recommender
from serving.recommend.schemas import Item
from tests.serving.conftest import heard_lately

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MakeBundle = Callable[..., Bundle]
EVEN = UserId(2)


@pytest.fixture
def town(checkerboard: MakeBundle) -> Bundle:
    """Even listeners love even songs, and have heard all of them but 1056, 1058 and 1060."""
    return checkerboard(20, 60)


def sitting(bundle: Bundle, one: int, other: int, weight: float = 1.0) -> Bundle:
    """The bundle of a town where two songs are played together, whatever their kind."""
    at = [int(np.searchsorted(bundle.song_ids, song)) for song in (one, other)]
    pairs = csr_array((np.full(2, weight), (at, at[::-1])), shape=(len(bundle.song_ids),) * 2)
    return replace(bundle, together=Together.of(pairs, 2))


def feed_of(bundle: Bundle, lately: Lately = NOT_LATELY, *seeds: str) -> Feed:
    recommender = Recommender.over(bundle, lambda *_: [])
    asked = seeds_of(recommender, [Named.of(seed) for seed in seeds], lambda _: []) if seeds else None
    return recommender.feed(EVEN, lately, Wanted(40, seeds=asked), trends=Trends(), at=NOON)


def found(feed: Feed, song: int) -> Item | None:
    return next((item for item in feed.items if item.song_id == song and item.score > 0), None)


def test_a_song_that_is_played_together_with_one_heard_lately_comes_with_that_reason(town: Bundle) -> None:
    without, feed = (feed_of(each, heard_lately(1058, at=NOON)) for each in (town, sitting(town, 1058, 1057)))

    beside = found(feed, 1057)
    assert found(without, 1057) is None
    assert beside is not None
    assert (beside.reason.code, beside.reason.seeds[0].song_id) == ("played-together", 1058)
    assert beside.reason.text == f"Often played together with Song 1058 by Artist {1058 % 7}."


def test_what_is_played_together_with_a_seed_is_on_its_list(town: Bundle) -> None:
    feed = feed_of(sitting(town, 1011, 1058), NOT_LATELY, "song:1011")

    beside = found(feed, 1058)
    assert beside is not None
    assert (beside.reason.code, beside.reason.seeds[0].song_id) == ("played-together", 1011)


def test_what_taste_says_more_of_keeps_the_reason_of_taste(town: Bundle) -> None:
    told = found(feed_of(sitting(town, 1058, 1060, 0.05), heard_lately(1058, at=NOON)), 1060)

    assert told is not None
    assert told.reason.code == "because-you-listened"
