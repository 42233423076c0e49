"""Training in a town whose answer is known; the same seed, the same model; fold-in, the same row."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from models.als.confidence import Weighting, confidence, confidence_of_one, damping_of_songs
from models.als.fold_in import FoldIn, fold_in, gram
from models.als.training import Model, Parameters, train
from models.evaluation.ranking import inner_products, ranked

SMALL = Parameters(members=(4, 6), regularisation=1.0, iterations=10)


def checkerboard_town(size: int = 20) -> sp.csr_array:
    """Even listeners love even songs, odd ones odd songs; each has not yet heard the one of their own number."""
    loved = (np.arange(size)[:, None] + np.arange(size)) % 2 == 0
    np.fill_diagonal(loved, False)
    return sp.csr_array(loved.astype(np.float32))


def random_town(seed: int, listeners: int = 150, songs: int = 90) -> sp.csr_array:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.3, (listeners, songs)).astype(np.float32)
    counts[np.arange(listeners), rng.integers(0, songs, listeners)] += 1
    return sp.csr_array(counts)


@pytest.mark.parametrize("weighting", ["binary", "log"])
@pytest.mark.parametrize("members", [(3,), (2, 4)])
def test_in_the_checkerboard_town_the_withheld_song_comes_first(
    members: tuple[int, ...], weighting: Weighting
):
    town = checkerboard_town()

    model = train(town, replace(SMALL, members=members, weighting=weighting))
    first = ranked(inner_products(model.listener_factors, model.song_factors), town, np.arange(20), 1)

    assert first[:, 0].tolist() == list(range(20))


def test_the_same_seed_gives_the_same_model_with_any_number_of_threads():
    town = random_town(1)

    models = [train(town, SMALL, threads=threads) for threads in (1, 2, 3, 0)]

    assert all(same(models[0], other) for other in models[1:])


def test_another_seed_gives_another_model():
    town = random_town(1)

    assert not same(train(town, SMALL), train(town, replace(SMALL, seed=2)))


def test_folding_in_what_a_listener_heard_gives_their_trained_row():
    town, parameters = random_town(2), replace(SMALL, members=(5,))
    model = train(town, parameters)
    weights = confidence(town, parameters.weighting, parameters.alpha, parameters.damping)

    heard = weights[[7]]
    row = fold_in(
        model.song_factors[heard.indices], gram(model.song_factors), heard.data, parameters.regularisation
    )

    np.testing.assert_allclose(row, model.listener_factors[7], atol=1e-4)


@pytest.mark.parametrize("weighting", ["binary", "log"])
@pytest.mark.parametrize("members", [(5,), (4, 6)])
def test_a_committee_folds_in_as_it_was_trained(members: tuple[int, ...], weighting: Weighting):
    town, parameters = random_town(4), replace(SMALL, members=members, weighting=weighting)
    model = train(town, parameters)
    folding = FoldIn.into(model.song_factors, town, parameters)

    rows = [folding.row(town[[u]].indices.astype(np.int64), town[[u]].data) for u in range(town.shape[0])]

    np.testing.assert_allclose(np.array(rows), model.listener_factors, atol=1e-4)


def test_emphasis_brings_the_newest_songs_nearer_and_nothing_else_is_new():
    town = random_town(4)
    folding = FoldIn.into(train(town, SMALL).song_factors, town, SMALL)
    songs, once = np.array([3, 20, 41]), np.ones(3, np.float32)

    plain, drawn = folding.row(songs, once), folding.row(songs, once, newest=np.array([20]))

    assert plain is not None
    assert drawn is not None
    assert folding.song_factors[20] @ drawn > folding.song_factors[20] @ plain
    np.testing.assert_array_equal(folding.row(songs, once, newest=np.array([77])), plain)


def test_songs_without_factors_say_nothing():
    town = random_town(4)
    factors = train(town, SMALL).song_factors
    factors[[3, 20]] = 0
    folding = FoldIn.into(factors, town, SMALL)

    only, with_others = (
        folding.row(np.array(songs), np.ones(len(songs), np.float32)) for songs in ([41], [3, 20, 41])
    )

    np.testing.assert_array_equal(with_others, only)
    assert folding.row(np.array([3, 20]), np.ones(2, np.float32)) is None


def test_the_confidence_of_one_listener_is_their_row_of_everyones():
    for seed, weighting in ((1, "log"), (2, "binary"), (3, "log")):
        town = random_town(seed)
        everyone = confidence(town, weighting, 7.0, 0.35)
        damping = damping_of_songs(town, 0.35)

        one = confidence_of_one(town[[9]].data, damping[town[[9]].indices], weighting, 7.0)

        np.testing.assert_allclose(one, everyone[[9]].data, rtol=1e-6)


def test_without_regularisation_and_with_too_few_songs_there_is_still_a_row():
    songs = np.array([[1.0, 0.0], [2.0, 0.0]], dtype=np.float32)

    row = fold_in(songs[:1], gram(songs), np.array([4.0], np.float32), regularisation=0.0)

    np.testing.assert_allclose(row, [0.5, 0.0], atol=1e-6)


def test_parameters_come_back_from_their_names():
    parameters = Parameters(members=(8,), weighting="binary", alpha=2.5, damping=0.0, iterations=3, seed=9)

    as_text = {name: str(value) for name, value in parameters.as_dict().items()}

    assert Parameters.of(parameters.as_dict()) == Parameters.of(as_text) == parameters


def test_a_folded_in_row_cannot_be_improved():
    rng = np.random.default_rng(5)
    songs = rng.normal(size=(30, 4)).astype(np.float32)
    weights = np.ones(30)
    weights[[3, 8]] = [5.0, 9.0]
    loved = np.isin(np.arange(30), [3, 8])

    row = fold_in(songs[[3, 8]], gram(songs), weights[[3, 8]].astype(np.float32), 0.7)

    def loss(taste: np.ndarray) -> float:
        return float(weights @ (loved - songs @ taste) ** 2 + 0.7 * taste @ taste)

    assert all(loss(row) <= loss(row + 0.01 * rng.normal(size=4)) for _ in range(50))


def test_a_member_alone_is_a_block_of_the_committee():
    town = random_town(3)

    committee, alone = train(town, SMALL), train(town, replace(SMALL, members=(6,)))

    np.testing.assert_array_equal(committee.song_factors[:, 4:], alone.song_factors)


def test_one_listener_with_one_song_is_no_trouble():
    model = train(sp.csr_array(np.array([[3.0]], dtype=np.float32)), Parameters())

    assert np.isfinite(model.listener_factors).all()
    assert (model.listener_factors @ model.song_factors.T)[0, 0] > 0


def test_progress_rises_to_one():
    told: list[float] = []

    train(checkerboard_town(), SMALL, progress=told.append)

    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_heavy_listener_is_no_louder_than_a_light_one():
    light = sp.csr_array(np.array([[1.0, 2.0, 0.0]]))
    heavy = sp.csr_array(np.array([[100.0, 200.0, 0.0]]))

    means = [confidence(listens, "log", 5.0).data.mean() for listens in (light, heavy)]

    np.testing.assert_allclose(means, 5.0, rtol=1e-6)


def test_damping_trusts_the_rare_more_than_the_famous():
    listens = sp.csr_array(np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]]))

    damped = confidence(listens, "binary", 10.0, damping=0.5).toarray()

    assert damped[0, 1] > 10 > damped[0, 0]


def same(one: Model, other: Model) -> bool:
    return np.array_equal(one.song_factors, other.song_factors) and np.array_equal(
        one.listener_factors, other.listener_factors
    )
