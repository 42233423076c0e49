"""Moves each listener's factors towards the best for the present songs, or each song's for the listeners, in compiled code.

With Y the factors held still, every row x minimises its part of the loss of `models.als.training`, which is to solve

    (Y'Y + regularisation I + Y_h' (C - I) Y_h) x  =  Y_h' c

where h is what the row heard. Source of the conjugate gradients: Takács, Pilászy, Tikk, "Applications of the conjugate gradient
method for implicit feedback collaborative filtering", 2011; `implicit` takes the same steps from the same start.

Why it is fast (docs/performance.md, docs/adr/0015-als-in-compiled-code.md): the rows heard are gathered once for all steps, and
stay in the nearest cache; and Y'Y = Q diag(d) Q', so that among factors turned by Q what all rows share is one product by d.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Matrix

__all__ = ["improve", "solve"]

STEPS = 3  # of conjugate gradients an iteration, as `implicit` takes: more cost more than they bring
NEARLY = 1e-14  # of what |b|^2 was: a squared residual that float32 factors cannot better
NOTHING = 1e-20  # a squared residual of which no step can be made
PIECE = (
    1_024  # rows given to a thread at a time; the same for any number of threads, so that the sums are too
)


def improve(
    weights: Matrix, rows: Factors, others: Factors, regularisation: float, *, threads: int = 0
) -> None:
    """Three steps from where the rows are, in place.

    `weights` are the confidences [rows × others], `rows` [rows × factors] and `others` [others × factors]; `threads` 0
    means every core, and changes nothing in the result. A row that heard nothing becomes zero.
    """
    _half(weights, rows, others, regularisation, STEPS, threads)


def solve(
    weights: Matrix, rows: Factors, others: Factors, regularisation: float, *, threads: int = 0
) -> None:
    """The same, with as many steps as it takes until none would help: what `models.als.fold_in` gives for each row."""
    _half(weights, rows, others, regularisation, 2 * rows.shape[1] + STEPS, threads)


def _half(
    weights: Matrix, rows: Factors, others: Factors, regularisation: float, steps: int, threads: int
) -> None:
    gram = (others.T @ others).astype(np.float64)
    shared, turn = np.linalg.eigh(gram)
    shared += regularisation
    turn = turn.astype(np.float32)
    turned = np.empty_like(others)
    starts, columns = weights.indptr.astype(np.int64), weights.indices.astype(np.int32, copy=False)
    sure = weights.data.astype(np.float32, copy=False)

    def turn_others(start: int, end: int) -> None:
        np.matmul(others[start:end], turn, out=turned[start:end])

    def move_rows(start: int, end: int) -> None:
        moved = rows[start:end] @ turn
        bounds = starts[start : end + 1]
        _move(bounds, columns, sure, moved, turned, shared, int(np.diff(bounds).max()), steps)
        np.matmul(moved, turn.T, out=rows[start:end])

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        _in_pieces(pool, turn_others, len(others))
        _in_pieces(pool, move_rows, len(rows))


def _in_pieces(pool: ThreadPoolExecutor, work: Callable[[int, int], None], count: int) -> None:
    ends = [*range(0, count, PIECE), count]
    for done in [pool.submit(work, start, end) for start, end in pairwise(ends)]:
        done.result()


def _compiled(function: Callable[..., Any]) -> Any:
    """Compiled when it is first called, in about two seconds of CPU, and written nowhere: an installation may be read-only.

    Sums may be taken in any order, without which they could not be taken eight at a time.
    """
    return numba.njit(nogil=True, fastmath=True, error_model="numpy")(function)


@_compiled
def _move(
    starts: NDArray[np.int64],  # [rows + 1]: where each row's cells begin in the next two
    columns: NDArray[np.int32],
    sure: NDArray[np.float32],  # the confidences c
    rows: Factors,  # turned; moved in place
    others: Factors,  # turned
    shared: NDArray[np.float64],  # d + regularisation [factors]
    longest: int,  # the most cells of a row
    steps: int,
) -> None:
    factors = rows.shape[1]
    # Room for all rows, filled again for each: a multiple of four heard rows, with zeros behind the last.
    heard, extra = np.empty((longest + 3, factors), np.float32), np.empty(longest + 3, np.float32)
    residual, x = np.empty(factors, np.float64), np.empty(factors, np.float64)
    direction, product = np.empty(factors, np.float32), np.empty(factors, np.float32)
    for row in range(len(rows)):
        first, count = starts[row], starts[row + 1] - starts[row]
        if count == 0:
            for f in range(factors):
                rows[row, f] = 0
            continue
        for k in range(count):
            column, extra[k] = columns[first + k], sure[first + k] - np.float32(1)
            for f in range(factors):
                heard[k, f] = others[column, f]
        padded = (count + 3) // 4 * 4
        for k in range(count, padded):
            extra[k] = 0
            for f in range(factors):
                heard[k, f] = 0
        _descend(heard, extra, padded, rows[row], shared, steps, residual, x, direction, product)


@_compiled
def _descend(
    heard: Factors,
    extra: NDArray[np.float32],
    padded: int,
    row: NDArray[np.float32],
    shared: NDArray[np.float64],
    steps: int,
    residual: NDArray[np.float64],
    x: NDArray[np.float64],
    direction: NDArray[np.float32],
    product: NDArray[np.float32],
) -> None:
    """Conjugate gradients for one row, in place.

    What has the length of a row is in doubles, for d can be a thousand times larger in one direction than in all others,
    and the residual there is what two large numbers leave.
    """
    factors = len(row)
    for f in range(factors):
        direction[f] = row[f]
        x[f] = row[f]
    _through(heard, extra, padded, direction, np.float32(1), steps > 0, product)
    left = wanted = 0.0
    for f in range(factors):
        residual[f] = product[f] - shared[f] * x[f]
        direction[f] = residual[f]
        left += residual[f] * residual[f]
        wanted += product[f] * product[f]
    enough = max(NOTHING, NEARLY * wanted)
    step = 0
    while step < steps and left > enough:
        step += 1
        along = -_through(heard, extra, padded, direction, np.float32(0), step < steps, product)
        for f in range(factors):
            along += shared[f] * direction[f] * direction[f]
        length = left / along
        for f in range(factors):
            x[f] += length * direction[f]
        if step < steps:
            before, left = left, 0.0
            for f in range(factors):
                residual[f] += length * (product[f] - shared[f] * direction[f])
                left += residual[f] * residual[f]
            for f in range(factors):
                direction[f] = residual[f] + left / before * direction[f]
    for f in range(factors):
        row[f] = x[f]


@_compiled
def _through(
    heard: Factors,
    extra: NDArray[np.float32],
    padded: int,
    direction: NDArray[np.float32],
    asked: np.float32,
    wants_product: bool,  # noqa: FBT001 - compiled code is called by position
    product: NDArray[np.float32],
) -> float:
    """Writes Y_h' (asked c - (C - I) Y_h direction), and gives the sum of the bracket times Y_h direction.

    Four heard rows at a time: the compiler fills the registers with their sums, and loads the direction once for all.
    """
    factors, along = len(direction), 0.0
    for f in range(factors):
        product[f] = 0
    for k in range(0, padded, 4):
        s0 = s1 = s2 = s3 = np.float32(0)
        for f in range(factors):
            s0 += heard[k, f] * direction[f]
            s1 += heard[k + 1, f] * direction[f]
            s2 += heard[k + 2, f] * direction[f]
            s3 += heard[k + 3, f] * direction[f]
        t0, t1 = asked + extra[k] * (asked - s0), asked + extra[k + 1] * (asked - s1)
        t2, t3 = asked + extra[k + 2] * (asked - s2), asked + extra[k + 3] * (asked - s3)
        along += s0 * t0 + s1 * t1 + s2 * t2 + s3 * t3
        if wants_product:
            for f in range(factors):
                product[f] += (
                    t0 * heard[k, f] + t1 * heard[k + 1, f] + t2 * heard[k + 2, f] + t3 * heard[k + 3, f]
                )
    return along
