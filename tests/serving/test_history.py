"""What was heard since training reaches the feed at once, by the arithmetic of training."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from feature_store.online import Lately
from foundation.ids import UserId
from models.als.parameters import Parameters
from models.als.training import train
from models.bundle import Bundle
from serving.recommend.recommender import NOT_LATELY, Recommender
from serving.recommend.schemas import Slate
from serving.trending.schemas import Chart
from tests.serving.conftest import heard_lately

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER, EARLIER = NOON + timedelta(minutes=5), NOON - timedelta(minutes=5)  # than the training
MakeBundle = Callable[..., Bundle]
EVEN, NEWCOMER = UserId(2), UserId(77)
SMALL = Parameters(members=(3, 5), regularisation=1.0, iterations=6)


@pytest.fixture(scope="module")
def town(bundle_of: MakeBundle) -> Recommender:
    """A trained town of 60 listeners and 80 songs, where listeners mostly stay with songs of their own parity."""
    rng = np.random.default_rng(8)
    is_akin = np.arange(1, 61)[:, None] % 2 == np.arange(1001, 1081) % 2
    listens = rng.poisson(np.where(is_akin, 0.6, 0.03)).astype(np.float32)
    listens[np.arange(60), np.arange(60)] += 1
    model = train(csr_array(listens), SMALL)
    bundle = bundle_of(model.listener_factors, model.song_factors, listens, parameters=SMALL)
    return Recommender.over(bundle, lambda *_: [])


def slate_of(recommender: Recommender, listener: UserId, lately: Lately = NOT_LATELY) -> Slate:
    return recommender.recommend(listener, 20, lately, chart=Chart(), at=NOON)


def unheard(recommender: Recommender, listener: UserId, parity: int) -> list[int]:
    heard = recommender.histories.history(listener, NOT_LATELY).heard
    free = np.setdiff1d(np.arange(80), heard)
    return [1001 + place for place in free.tolist() if (1001 + place) % 2 == parity]


def share_of_odd(slate: Slate) -> float:
    return sum(item.song_id % 2 for item in slate.items) / len(slate.items)


def test_folding_in_what_training_knew_gives_the_trained_rows(town: Recommender) -> None:
    bundle, fold_in = town.bundle, town.histories.fold_in

    folded = [
        fold_in.row(bundle.heard.indices[start:end].astype(np.int64), bundle.heard.data[start:end])
        for start, end in zip(bundle.heard.indptr, bundle.heard.indptr[1:], strict=False)
    ]

    np.testing.assert_allclose(np.array(folded), bundle.listener_factors, atol=1e-4)


@pytest.mark.parametrize("heard_at", [EARLIER, EARLIER + timedelta(days=-3)])
def test_who_heard_nothing_new_is_served_the_trained_row(town: Recommender, heard_at: datetime) -> None:
    known = 1001 + town.histories.history(EVEN, NOT_LATELY).heard
    lately = heard_lately(*known[:3].tolist(), at=heard_at, also=known.tolist())

    history = town.histories.history(EVEN, lately)

    assert (history.policy, slate_of(town, EVEN, lately).policy) == ("als", "als")
    np.testing.assert_array_equal(history.taste, town.bundle.listener_factors[EVEN - 1])
    assert slate_of(town, EVEN, lately).items == slate_of(town, EVEN).items


def test_new_listens_move_the_feed_towards_them(town: Recommender) -> None:
    odd_songs = unheard(town, EVEN, parity=1)[:6]

    before, after = slate_of(town, EVEN), slate_of(town, EVEN, heard_lately(*odd_songs, at=LATER))

    assert (before.policy, after.policy) == ("als", "als-fold-in")
    assert share_of_odd(after) > share_of_odd(before)
    seeds = {seed.song_id for item in after.items for seed in item.reason.seeds}
    assert seeds & set(odd_songs)


def test_songs_heard_nobody_knows_when_are_folded_in_too(town: Recommender) -> None:
    odd_songs = unheard(town, EVEN, parity=1)[:6]

    after = slate_of(town, EVEN, heard_lately(also=odd_songs))

    assert after.policy == "als-fold-in"
    assert share_of_odd(after) > share_of_odd(slate_of(town, EVEN))


def test_a_newcomer_has_a_taste_from_the_first_listen_on(town: Recommender) -> None:
    first = int(1001 + np.argmax(town.bundle.popularity))

    slate = slate_of(town, NEWCOMER, heard_lately(first, at=LATER))

    assert slate.policy == "als-fold-in"
    assert sum(item.song_id % 2 == first % 2 for item in slate.items[:10]) >= 8
    assert slate.items[0].reason.seeds[0].song_id == first


def test_hearing_a_known_song_again_counts_once_more(town: Recommender) -> None:
    place = int(town.histories.history(EVEN, NOT_LATELY).heard[0])
    heard = town.bundle.heard
    row = heard.indptr[EVEN - 1]
    counts = heard.data[row : heard.indptr[EVEN]].copy()
    counts[0] += 1

    history = town.histories.history(EVEN, heard_lately(1001 + place, at=LATER))
    expected = town.histories.fold_in.row(history.heard, counts, newest=np.array([place]))

    assert history.policy == "als-fold-in"
    np.testing.assert_array_equal(history.taste, expected)


def test_the_newest_listens_count_more_than_those_before_them(town: Recommender) -> None:
    song = unheard(town, EVEN, parity=1)[0]

    just_now = town.histories.history(EVEN, heard_lately(song, at=LATER))
    before_training = town.histories.history(EVEN, heard_lately(song, at=EARLIER))

    factors = town.bundle.song_factors[song - 1001]
    assert just_now.taste is not None
    assert before_training.taste is not None
    assert factors @ just_now.taste > factors @ before_training.taste


def test_a_song_that_the_model_knows_nothing_of_changes_no_taste(bundle_of: MakeBundle) -> None:
    factors = np.eye(4, 2)[[0, 1, 2, 0]]  # the third song was never heard when the model was trained
    bundle = bundle_of(np.eye(2), factors, np.array([[1, 0, 0, 0], [0, 1, 0, 0]]))
    recommender = Recommender.over(bundle, lambda *_: [])

    known = slate_of(recommender, UserId(1), heard_lately(1003, 5000, at=LATER))
    newcomer = slate_of(recommender, NEWCOMER, heard_lately(1003, 5000, at=LATER))

    assert (known.policy, newcomer.policy) == ("als", "trending")
    assert not {1003, 5000} & {item.song_id for slate in (known, newcomer) for item in slate.items}


def test_a_committee_that_does_not_fit_the_factors_is_refused(bundle_of: MakeBundle) -> None:
    bundle = bundle_of(np.eye(2), np.eye(2), np.eye(2))

    with pytest.raises(ValueError, match="factors"):
        Recommender.over(replace(bundle, parameters=SMALL), lambda *_: [])


@settings(max_examples=60, deadline=None)
@given(
    recent=st.lists(st.integers(995, 1085), max_size=100, unique=True),
    also=st.lists(st.integers(995, 1085), max_size=90),
    listener=st.integers(1, 70),
    ahead=st.integers(-3, 120),
    limit=st.integers(1, 100),
)
def test_a_heard_song_never_appears_whatever_the_history(
    town: Recommender, recent: list[int], also: list[int], listener: int, ahead: int, limit: int
) -> None:
    lately = heard_lately(*recent, at=NOON + timedelta(seconds=ahead), also=also)

    slate = town.recommend(UserId(listener), limit, lately, chart=Chart(), at=NOON)
    trained = town.histories.history(UserId(listener), NOT_LATELY).heard

    songs = [item.song_id for item in slate.items]
    heard = {*recent, *also, *(1001 + trained).tolist()}
    assert not heard & set(songs)
    assert len(songs) == len(set(songs)) == min(limit, 80 - len(heard & set(range(1001, 1081))))
    assert all({seed.song_id for seed in item.reason.seeds} <= heard for item in slate.items)
