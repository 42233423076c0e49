"""What lists are like: the fast measures against the plain ones, by law and by hand."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation import character, metrics

LISTENERS, SONGS, PLACES = 9, 12, 5


def town(seed: int) -> tuple[sp.csr_array, np.ndarray]:
    """Who heard what, and lists of different lengths."""
    rng = np.random.default_rng(seed)
    heard = rng.random((LISTENERS, SONGS)) < 0.4
    heard[0] = heard[:, 0] = True
    lists = np.stack([rng.permutation(SONGS)[:PLACES] for _ in range(LISTENERS)])
    for row, length in enumerate(rng.integers(0, PLACES + 1, LISTENERS)):
        lists[row, length:] = -1
    return sp.csr_array(heard.astype(np.float32)), lists


def filled(row: np.ndarray) -> list[int]:
    return [song for song in row.tolist() if song >= 0]


@given(seed=st.integers(0, 10_000))
def test_novelty_is_the_plain_one(seed: int):
    heard, lists = town(seed)
    known = np.maximum(np.bincount(heard.indices, minlength=SONGS), 0.5) / LISTENERS

    fast = character.novelty(lists, heard)

    slow = [metrics.novelty_of(filled(row), dict(enumerate(known.tolist()))) for row in lists]
    np.testing.assert_allclose(fast, slow, atol=1e-12)


@given(seed=st.integers(0, 10_000))
def test_diversity_is_the_plain_one(seed: int):
    heard, lists = town(seed)
    columns = heard.tocsc()
    listeners_of = {
        song: set(columns.indices[columns.indptr[song] : columns.indptr[song + 1]].tolist())
        for song in range(SONGS)
    }

    fast = character.diversity(lists, heard)

    slow = [metrics.diversity_of(filled(row), listeners_of) for row in lists]
    np.testing.assert_allclose(fast, slow, atol=1e-9)


@given(seed=st.integers(0, 10_000))
def test_miscalibration_is_the_plain_one(seed: int):
    heard, lists = town(seed)
    kinds = np.random.default_rng(seed).integers(-1, 3, SONGS)
    kinds[0] = 0

    fast = character.miscalibration(lists, heard, kinds)

    def mix(songs: list[int]) -> list[float]:
        counts = np.bincount(kinds[songs][kinds[songs] >= 0], minlength=3) if songs else np.zeros(3)
        return (counts / max(counts.sum(), 1)).tolist()

    for row, shown in enumerate(lists):
        p, q = mix(np.flatnonzero(heard[[row]].toarray()[0]).tolist()), mix(filled(shown))
        slow = metrics.miscalibration_of(q, p) if sum(p) and sum(q) else 0.0
        assert fast[row] == pytest.approx(slow, abs=1e-9)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_gini_is_the_plain_one_and_lies_between_0_and_1(shown: list[int]):
    fast = character.gini(np.array(shown))

    assert fast == pytest.approx(metrics.gini_of(shown), abs=1e-12)
    assert -1e-12 <= fast < 1


def test_lists_of_what_all_know_are_neither_new_nor_calibrated():
    heard = sp.csr_array(np.array([[1, 0, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0]], dtype=np.float32))
    kinds = np.array([0, 1, 1, 1])

    famous = character.Character.of(np.array([[0], [0], [0]]), heard, np.arange(3), kinds)
    niche = character.Character.of(np.array([[1], [3], [2]]), heard, np.arange(3), kinds)

    assert (famous.novelty, famous.known_to, famous.coverage) == (0.0, 1.0, 0.25)
    assert niche.novelty > famous.novelty
    assert niche.popularity_lift < 0 < famous.popularity_lift
    assert famous.exposure_gini > niche.exposure_gini
