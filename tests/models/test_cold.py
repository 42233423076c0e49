"""Songs without listens get a place from their words, and songs their neighbours."""

import numpy as np
import pytest

from models.cold.ridge import fit, learn
from models.embeddings.neighbours import nearest_rows


def texts_of(chance: np.random.Generator, songs: int, dimensions: int = 24) -> np.ndarray:
    rows = chance.normal(size=(songs, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_song_that_nobody_heard_is_placed_where_its_words_say() -> None:
    chance = np.random.default_rng(1)
    texts = texts_of(chance, 900)
    truth = texts @ chance.normal(size=(24, 6)).astype(np.float32) + 0.3
    noisy = truth + 0.1 * chance.normal(size=truth.shape).astype(np.float32)

    learnt = learn(texts[:600], noisy[:600].astype(np.float32), np.full(600, 40))

    missed = np.linalg.norm(learnt.places(texts[600:]) - truth[600:], axis=1)
    assert missed.mean() < 0.25 * np.linalg.norm(truth[600:] - truth.mean(axis=0), axis=1).mean()
    assert 0.8 < learnt.explained < 1


def test_words_that_say_nothing_place_every_song_in_the_middle() -> None:
    chance = np.random.default_rng(2)
    texts, factors = texts_of(chance, 400), chance.normal(size=(400, 5)).astype(np.float32)

    learnt = learn(texts, factors, np.full(400, 40))

    assert learnt.explained < 0.05
    assert np.linalg.norm(learnt.places(texts) - factors.mean(axis=0), axis=1).mean() < 0.5


def test_too_few_songs_teach_nothing() -> None:
    learnt = learn(np.eye(5, dtype=np.float32), np.ones((5, 3), np.float32), np.ones(5, np.int64))

    assert not learnt.places(np.eye(5, dtype=np.float32)).any()


def test_the_fit_is_the_least_of_its_loss() -> None:
    chance = np.random.default_rng(3)
    texts, factors = texts_of(chance, 80, 6), chance.normal(size=(80, 2)).astype(np.float32)
    trust = chance.random(80).astype(np.float32)

    def loss(weights: np.ndarray, offset: np.ndarray) -> float:
        missed = ((factors - texts @ weights - offset) ** 2).sum(axis=1)
        return float((trust * missed).sum() + 2.0 * (weights**2).sum())

    weights, offset = fit(texts, factors, trust, 2.0)

    for _ in range(30):
        moved = loss(
            weights + 0.01 * chance.normal(size=weights.shape),
            offset + 0.01 * chance.normal(size=offset.shape),
        )
        assert moved >= loss(weights, offset)


@pytest.mark.parametrize("k", [1, 7])
def test_neighbours_are_those_of_the_whole_product(k: int) -> None:
    vectors = texts_of(np.random.default_rng(4), 3_000)
    vectors[17] = 0

    found = nearest_rows(vectors, k)

    cosines = vectors.astype(np.float64) @ vectors.T
    np.fill_diagonal(cosines, -1)
    for song in (0, 5, 1023, 1024, 2_999):
        best = np.sort(cosines[song])[::-1][:k]
        np.testing.assert_allclose(found.likeness[song], best, atol=1e-5)
        np.testing.assert_allclose(cosines[song][found.places[song]], best, atol=1e-5)
    assert (found.places[17] == -1).all()
    assert not (found.places == 17).any()


def test_the_cells_of_a_large_catalogue_find_most_neighbours() -> None:
    chance = np.random.default_rng(5)
    kinds = texts_of(chance, 60)
    vectors = kinds[chance.integers(60, size=4_000)] + 0.1 * chance.normal(size=(4_000, 24)).astype(
        np.float32
    )
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    exact, by_cells = nearest_rows(vectors, 10), nearest_rows(vectors, 10, exact_up_to=100)

    shared = [len(set(one) & set(two)) for one, two in zip(exact.places, by_cells.places, strict=True)]
    assert np.mean(shared) > 8
    assert not any(song in row for song, row in enumerate(by_cells.places.tolist()))
