"""The measures, by hand and by law; and the fast ones against the plain ones."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation import batch, metrics

Measure = Callable[[int, list[int], set[int]], float]

SONGS = 12
rankings = st.permutations(range(SONGS))
relevants = st.sets(st.integers(0, SONGS - 1), min_size=1)
places = st.integers(1, SONGS + 3)
PLAIN = {
    "recall": metrics.recall_at,
    "ndcg": metrics.ndcg_at,
    "map": metrics.average_precision_at,
    "mrr": metrics.reciprocal_rank_at,
    "precision": metrics.precision_at,
    "hit": metrics.hit_at,
}


@pytest.mark.parametrize("measure", PLAIN.values())
@given(ranked=rankings, relevant=relevants, k=places)
def test_ignores_everything_below_k(measure: Measure, ranked: list[int], relevant: set[int], k: int):
    reshuffled = [*ranked[:k], *reversed(ranked[k:])]

    assert measure(k, ranked, relevant) == measure(k, reshuffled, relevant)


@pytest.mark.parametrize("measure", PLAIN.values())
@given(ranked=rankings, relevant=relevants, k=places)
def test_lies_between_nothing_and_perfect(measure: Measure, ranked: list[int], relevant: set[int], k: int):
    perfect = [*relevant, *(song for song in ranked if song not in relevant)]

    assert 0 <= measure(k, ranked, relevant) <= measure(k, perfect, relevant) <= 1 + 1e-12


@given(ranked=rankings, relevant=relevants, k=places, place=st.integers(0, SONGS - 2))
def test_ndcg_never_falls_when_a_loved_song_moves_up(
    ranked: list[int], relevant: set[int], k: int, place: int
):
    swapped = list(ranked)
    swapped[place], swapped[place + 1] = ranked[place + 1], ranked[place]

    if ranked[place + 1] in relevant:
        assert metrics.ndcg_at(k, swapped, relevant) >= metrics.ndcg_at(k, ranked, relevant) - 1e-12


@given(
    people=st.lists(st.tuples(rankings, relevants, st.integers(0, SONGS)), min_size=1, max_size=6), k=places
)
def test_the_fast_measures_are_the_plain_ones(people: list[tuple[list[int], set[int], int]], k: int):
    lists = np.full((len(people), SONGS), -1, dtype=np.int64)
    relevant = sp.lil_array((len(people), SONGS), dtype=np.float32)
    for row, (ranked, loved, length) in enumerate(people):
        lists[row, :length] = ranked[:length]
        relevant[row, list(loved)] = 1

    fast = batch.measure(lists, relevant.tocsr(), k)

    for name, plain in PLAIN.items():
        slow = [plain(k, ranked[:length], loved) for ranked, loved, length in people]
        np.testing.assert_allclose(fast[name], slow, atol=1e-12)


def test_a_listener_with_nothing_relevant_scores_nothing():
    fast = batch.measure(np.array([[0, 1]]), sp.csr_array((1, 3), dtype=np.float32), 2)

    assert {name: values.tolist() for name, values in fast.items()} == {
        name: [0.0] for name in batch.MEASURES
    }


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    worlds = [batch.bootstrap(rng.random(80), rng, draws=200) for _ in range(100)]

    caught = sum(world.low <= 0.5 <= world.high for world in worlds)

    assert 88 <= caught <= 100
