"""The compiled steps are those of `implicit`, end where fold-in ends, and do not depend on who takes them."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from implicit.cpu import _als

from foundation.settings import REPOSITORY
from models.als.fold_in import fold_in, gram
from models.als.kernel import PIECE, improve, solve
from models.als.training import Model
from models.arrays import Factors, Matrix

REGULARISATION = 2.0


def town(seed: int, listeners: int = 300, songs: int = 120) -> Matrix:
    """Confidences of listeners who heard from no song to half of them, some below 1."""
    rng = np.random.default_rng(seed)
    share = rng.uniform(0, 0.5, (listeners, 1)) * (rng.random((listeners, 1)) < 0.9)
    return sp.csr_array(
        np.where(rng.random((listeners, songs)) < share, rng.gamma(2, 3, (listeners, songs)), 0).astype(
            np.float32
        )
    )


def factors(seed: int, rows: int, count: int) -> Factors:
    return np.random.default_rng(seed).normal(0, 0.3, (rows, count)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 7, 16, 64])
def test_a_step_is_that_of_implicit(count: int):
    weights, songs = town(1), factors(2, 120, count)
    ours, theirs = factors(3, 300, count), factors(3, 300, count)

    improve(weights, ours, songs, REGULARISATION)
    implicit_step(weights, theirs, songs)

    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("count", [8, 32])
def test_iterations_lead_to_the_loss_of_implicit(count: int):
    weights = town(4)
    heard_by = sp.csr_array(weights.T)
    ours, theirs = (Model(factors(2, 300, count), factors(3, 120, count)) for _ in range(2))

    for _ in range(15):
        improve(weights, ours.listener_factors, ours.song_factors, REGULARISATION)
        improve(heard_by, ours.song_factors, ours.listener_factors, REGULARISATION)
        implicit_step(weights, theirs.listener_factors, theirs.song_factors)
        implicit_step(heard_by, theirs.song_factors, theirs.listener_factors)

    assert loss(weights, ours) == pytest.approx(loss(weights, theirs), rel=1e-5)
    assert loss(weights, ours) < 0.7 * loss(weights, Model(0 * ours.listener_factors, 0 * ours.song_factors))


def test_solving_gives_what_fold_in_gives_wherever_it_starts():
    weights, songs = town(5), factors(6, 120, 16)
    songs[:, 0] += 3  # one direction far above all others, as popularity is
    rows = factors(7, 300, 16)

    solve(weights, rows, songs, REGULARISATION)

    heard = np.flatnonzero(np.diff(weights.indptr))
    exact = [
        fold_in(songs[weights[[row]].indices], gram(songs), weights[[row]].data, REGULARISATION)
        for row in heard
    ]
    np.testing.assert_allclose(rows[heard], np.array(exact), atol=1e-5)


def test_whoever_heard_nothing_has_no_taste():
    weights, rows = town(8), factors(9, 300, 4)

    improve(weights, rows, factors(10, 120, 4), REGULARISATION)

    heard_nothing = np.diff(weights.indptr) == 0
    assert heard_nothing.any()
    np.testing.assert_array_equal(heard_nothing, ~rows.any(axis=1))


def test_the_number_of_threads_changes_no_bit_of_many_rows():
    weights, songs = town(11, listeners=3 * PIECE + 5), factors(12, 120, 24)
    found = [factors(13, 3 * PIECE + 5, 24) for _ in range(4)]

    for threads, rows in zip((1, 2, 5, 0), found, strict=True):
        improve(weights, rows, songs, REGULARISATION, threads=threads)

    assert all(np.array_equal(found[0], other) for other in found[1:])


def test_serving_compiles_nothing():
    script = "import serving.lifespan, serving.recommend.recommender, sys; print(*{'numba', 'llvmlite'} & sys.modules.keys())"

    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == ""


def implicit_step(weights: Matrix, rows: Factors, others: Factors) -> None:
    _als.least_squares_cg(sp.csr_matrix(weights), rows, others, REGULARISATION, num_threads=1)


def loss(weights: Matrix, model: Model) -> float:
    """The formula of `models.als.training`, term by term."""
    scores = model.listener_factors.astype(np.float64) @ model.song_factors.T.astype(np.float64)
    sure = weights.toarray().astype(np.float64)
    is_heard = sure > 0
    lengths = (model.listener_factors.astype(np.float64) ** 2).sum() + (
        model.song_factors.astype(np.float64) ** 2
    ).sum()
    return float((np.where(is_heard, sure, 1) * (is_heard - scores) ** 2).sum() + REGULARISATION * lengths)
