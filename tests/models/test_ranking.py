"""Ranking the whole catalogue, the baselines, and what a trial judges."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from models.cooccurrence.item_knn import item_knn
from models.evaluation.baselines import most_popular
from models.evaluation.batch import MEASURES
from models.evaluation.ranking import inner_products, ranked
from models.evaluation.splits import by_time, random_rows
from models.evaluation.trial import Trial


@given(seed=st.integers(0, 10_000), k=st.integers(1, 9))
def test_ranking_is_a_full_sort_without_the_heard(seed: int, k: int):
    rng = np.random.default_rng(seed)
    listeners = rng.integers(-2, 3, (4, 2)).astype(np.float32)
    songs = rng.integers(-2, 3, (7, 2)).astype(np.float32)
    heard = sp.csr_array(rng.random((4, 7)) < 0.3)

    lists = ranked(inner_products(listeners, songs), heard, np.arange(4), k)

    for row, scores in enumerate(listeners @ songs.T):
        unheard = [song for song in range(7) if not heard[row, song]]
        best = sorted(unheard, key=lambda song, scores=scores: (-scores[song], song))[:k]
        assert lists[row].tolist() == best + [-1] * (k - len(best))


def test_most_popular_gives_everybody_the_same_but_for_what_they_heard():
    heard = sp.csr_array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0]])

    lists = ranked(most_popular(heard), heard, np.arange(3), 2)

    assert lists.tolist() == [[2, 3], [1, 3], [2, 3]]


def test_item_knn_finds_what_the_same_people_hear():
    heard = sp.csr_array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 1, 0]])

    lists = ranked(item_knn(heard, neighbours=2), heard, np.array([4, 5]), 1)

    assert lists.tolist() == [[1], [3]]


def test_a_random_split_parts_the_rows_and_repeats_itself():
    rows = pl.DataFrame({"listener_id": range(50), "song_id": range(50)})

    kept, held_out = random_rows(rows, 0.2, np.random.default_rng(4))
    again, _ = random_rows(rows, 0.2, np.random.default_rng(4))

    assert (kept.height, held_out.height) == (40, 10)
    assert sorted([*kept["song_id"], *held_out["song_id"]]) == list(range(50))
    assert kept.equals(again)


def test_the_future_holds_only_what_was_not_heard_in_the_past():
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    moments = [noon.replace(hour=hour) for hour in (9, 10, 12, 13, 14)]
    listens = pl.DataFrame({"listener_id": [1] * 5, "song_id": [7, 7, 7, 8, 8], "listened_at": moments})

    past, future = by_time(listens, noon)

    assert past.rows() == [(1, 7, 2)]
    assert future.rows() == [(1, 8, 2)]


def test_a_trial_judges_those_who_have_both_a_past_and_something_held_out():
    train = pl.DataFrame({"listener_id": [1, 2, 2], "song_id": [10, 10, 11], "listens": [1, 1, 1]})
    held_out = pl.DataFrame({"listener_id": [1, 3], "song_id": [11, 10], "listens": [1, 1]})
    trial = Trial.of(train, held_out)

    verdict = trial.judge(trial.lists(most_popular(trial.train.listens), 1), 1)

    assert trial.train.listener_ids[trial.rows].tolist() == [1]
    assert verdict.means() == dict.fromkeys(MEASURES, 1.0)
    assert verdict.coverage == 0.5
