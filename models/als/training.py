"""Trains the factors of listeners and songs from who listened to what, the same for the same seed everywhere.

Source: Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", 2008. The loss is

    sum over all u, i of  c_ui (p_ui - x_u · y_i)^2  +  regularisation (sum_u |x_u|^2 + sum_i |y_i|^2)

with p = 1 and c = `models.als.confidence` where u heard i, p = 0 and c = 1 elsewhere.

A model is a committee: the loss is minimised once for each of several numbers of factors, and the rows are laid side by
side, so that one inner product is the mean of all opinions: near 1 for what is surely liked, near 0 for what is not. A small
member knows the broad taste, a large one the niches; together they are right more often than any one of them alone
(docs/evaluation.md has the numbers).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import threadpoolctl

from models.als.confidence import confidence
from models.als.kernel import improve, solve
from models.als.parameters import Parameters
from models.arrays import Factors, Matrix

__all__ = ["Model", "Parameters", "Progress", "train"]

Progress = Callable[[float], None]
START = 0.01  # the largest number that training starts from, as in `implicit`


@dataclass(frozen=True, slots=True)
class Model:
    """What training found: one row of factors per listener and per song; their inner product is the score."""

    listener_factors: Factors  # [listeners × factors]
    song_factors: Factors  # [songs × factors]


def train(
    listens: Matrix, parameters: Parameters, *, threads: int = 0, progress: Progress | None = None
) -> Model:
    """The factors of every row and column of `listens` [listeners × songs]; `threads` 0 means every core.

    Each row is solved by itself and numpy's BLAS is held to one thread, so the number of threads changes nothing
    in the result. `progress` hears the part done, 0 to 1.
    """
    weights = confidence(listens, parameters.weighting, parameters.alpha, parameters.damping)
    rounds = parameters.iterations * len(parameters.members)
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done / rounds)

    heard_by = sp.csr_array(weights.T)
    with threadpoolctl.threadpool_limits(1, "blas"):
        members = [
            _member(weights, heard_by, factors, parameters, threads, tell) for factors in parameters.members
        ]
    return Model(
        np.hstack([member.listener_factors for member in members]) / np.float32(len(members)),
        np.hstack([member.song_factors for member in members]),
    )


def _member(
    weights: Matrix,
    heard_by: Matrix,
    factors: int,
    parameters: Parameters,
    threads: int,
    tell: Callable[[], None],
) -> Model:
    rng, regularisation = np.random.default_rng(parameters.seed), parameters.regularisation
    listeners, songs = (
        rng.random((size, factors), dtype=np.float32) * np.float32(START) for size in weights.shape
    )
    for _ in range(parameters.iterations):
        improve(weights, listeners, songs, regularisation, threads=threads)
        improve(heard_by, songs, listeners, regularisation, threads=threads)
        tell()
    # Training ends with the songs, and moves by approximate steps. One exact step for the listeners makes each row
    # what fold-in gives for the same songs, so that folding in one more song starts from where training ended.
    solve(weights, listeners, songs, regularisation, threads=threads)
    return Model(listeners, songs)
