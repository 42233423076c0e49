"""Vectors in cells of neighbours: a question looks into the cells that may hold the highest products, and into no other.

An inverted file, as in Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", 2011, without the codes.
A cell of middle c, whose vectors stray from it by s along any one direction, is thought to reach

    ⟨q, c⟩ + STRAYING |q| s

of a question q: the long vectors, which inner products favour, stray most. Unlike a graph, cells lose nothing of the tail:
when the 500 nearest are all left out, those that come after are in the same cells or in the next ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from foundation.engines.vectors.port import Ids, Matrix

IsOut: TypeAlias = Callable[[Ids], NDArray[np.bool_]]
"""Tells of each of some rows whether it is left out."""

STRAYING = 3.0
# Vectors that are looked at: one in PART, though not fewer nor more than this, and FURTHER for each that is left out, as
# those may be just the nearest. Of a million vectors recall@10 of exact is .99 for questions that lie between all middles, and
# .998 for those near one, also with the 500 nearest left out.
FEWEST, MOST, PART, FURTHER = 10_000, 50_000, 5, 12
ROUNDS, TAUGHT_BY = 6, 64  # of k-means, by so many vectors for each cell
BLOCK = 4_096  # vectors that are put into cells at once
COLUMNS = 2_048  # or eight times as many as are wanted: see `least_of_highest`
SPARE = 32  # looked at beside those wanted, since some may be left out


@dataclass(frozen=True, slots=True)
class Cells:
    """The vectors of a matrix, cell by cell; cells that are near each other lie side by side."""

    middles: Matrix  # [cells × d]
    strays: NDArray[np.float32]  # [cells]: root mean square along one direction
    starts: Ids  # [cells + 1]: where each begins in the following, and the end of the last
    rows: Ids  # [n]: which row of the matrix each was
    vectors: Matrix  # [n × d]

    @classmethod
    def at(cls, directory: Path) -> Self:
        """Maps what was saved into memory."""
        return cls(*(np.load(directory / f"{each.name}.npy", mmap_mode="r") for each in fields(cls)))

    def save(self, directory: Path) -> None:
        """Write them into a directory that is not there yet."""
        directory.mkdir()
        for each in fields(self):
            np.save(directory / f"{each.name}.npy", getattr(self, each.name))

    @classmethod
    def of(cls, vectors: Matrix, seed: int = 1) -> Self:
        """About √n cells by k-means; the same vectors and seed always give the same."""
        chance = np.random.default_rng(seed)
        count = max(1, int(np.sqrt(len(vectors))))
        taught = chance.choice(len(vectors), min(len(vectors), TAUGHT_BY * count), replace=False)
        middles = _side_by_side(_middles(vectors[taught], count, chance))
        cell = _cell_of_each(vectors, middles)
        rows = np.argsort(cell, kind="stable")
        starts = np.searchsorted(cell[rows], np.arange(count + 1))
        placed = np.ascontiguousarray(vectors[rows])
        apart = np.bincount(cell, _squares(vectors - middles[cell]), count)
        strays = np.sqrt(apart / np.maximum(np.diff(starts), 1) / vectors.shape[1]).astype(np.float32)
        return cls(middles, strays, starts, rows, placed)

    def highest(
        self, vector: Matrix, limit: int, out: Ids, is_out: IsOut | None = None, margin: float = 0.0
    ) -> Ids | None:
        """The rows, ascending, of the `limit` highest products above 0 that are seen; None where too few are.

        Without the rows `out`, which ascend, and those that are out; also of those that are lower by no more than `margin`.
        """
        spans = self._spans(vector, min(max(FEWEST, len(self.rows) // PART), MOST) + FURTHER * len(out))
        ends = np.cumsum([stop - start for start, stop in spans])
        products = np.empty(ends[-1], np.float32)
        for (start, stop), end in zip(spans, ends.tolist(), strict=True):
            np.matmul(self.vectors[start:stop], vector, out=products[end - (stop - start) : end])
        moved = np.array([start for start, _ in spans]) - np.append(0, ends[:-1])

        def rows(at: Ids) -> Ids:
            places: Ids = self.rows[at + moved[ends.searchsorted(at, side="right")]]
            return places

        def is_left_out(at: Ids) -> NDArray[np.bool_]:
            mine = rows(at)
            left_out = np.zeros(len(at), np.bool_) if is_out is None else is_out(mine)
            if len(out):
                left_out |= out.take(out.searchsorted(mine), mode="clip") == mine
            return left_out

        found = highest_of(products, limit, is_left_out, margin)
        return None if found is None else np.sort(rows(found))

    def _spans(self, vector: Matrix, looked: int) -> list[tuple[int, int]]:
        """Where to look, at so many vectors or a few more: from where to where, cells that lie side by side as one."""
        reaches = self.middles @ vector
        reaches += np.float32(STRAYING * float(np.sqrt(vector @ vector))) * self.strays
        best = (-reaches).argsort()
        sizes = np.diff(self.starts)[best].cumsum()
        wanted = best[: int(sizes.searchsorted(min(looked, len(self.rows)))) + 1]
        wanted.sort()
        is_first = np.ones(len(wanted) + 1, np.bool_)
        np.not_equal(wanted[1:], wanted[:-1] + 1, out=is_first[1:-1])
        ends = is_first.nonzero()[0]
        first, last = wanted[ends[:-1]], wanted[ends[1:] - 1]
        return list(zip(self.starts[first].tolist(), self.starts[last + 1].tolist(), strict=True))


def highest_of(products: Matrix, limit: int, is_out: IsOut, margin: float = 0.0) -> Ids | None:
    """Where the `limit` highest products above 0 are that are not out, ascending; None where there are not so many.

    Also those that are lower by no more than `margin`.

    >>> highest_of(np.array([3, 9, 1, 7, -5], np.float32), 2, lambda places: places == 1).tolist()
    [0, 3]
    """
    asked = limit + SPARE
    while True:
        low = max(least_of_highest(products, asked), margin)
        found = (products > low - margin).nonzero()[0]
        found = found[~is_out(found)]
        if len(found) >= limit > 0:
            mine = products[found]
            last = np.partition(mine, -limit)[-limit]
            if last >= low:
                kept: Ids = found[mine >= last - margin]
                return kept
        if low <= margin:
            return None
        asked *= 2


def least_of_highest(values: Matrix, count: int) -> float:
    """A value that at least `count` of the values reach, and not many more: -inf where there are not so many.

    The values are laid in columns. The highest of a column is one of them, and of these the count-th highest is a bound:
    to sort all of them would take as long as the products did.

    >>> least_of_highest(np.arange(9, dtype=np.float32), 3)
    6.0
    """
    if not 0 < count <= len(values):
        return -np.inf if count else np.inf
    columns = max(COLUMNS, 8 * count)
    rows = len(values) // columns
    tops = values
    if rows > 1:
        tops = values[: rows * columns].reshape(rows, columns).max(axis=0)
        rest = values[rows * columns :]
        np.maximum(tops[: len(rest)], rest, out=tops[: len(rest)])
    return float(np.partition(tops, -count)[-count])


def _middles(vectors: Matrix, count: int, chance: np.random.Generator) -> Matrix:
    middles = vectors[chance.choice(len(vectors), count, replace=False)]
    for _ in range(ROUNDS):
        cell = _cell_of_each(vectors, middles)
        order, sizes = np.argsort(cell, kind="stable"), np.bincount(cell, minlength=count)
        is_there = sizes > 0  # an empty cell stays where it is
        starts = np.append(0, np.cumsum(sizes)[:-1])[is_there]
        middles[is_there] = np.add.reduceat(vectors[order], starts, axis=0) / sizes[is_there, np.newaxis]
    return middles


def _side_by_side(middles: Matrix) -> Matrix:
    """In an order in which near ones follow each other: after each comes the nearest of those that are left."""
    near = middles @ middles.T - _squares(middles) / 2
    order = [int(_squares(middles).argmax())]
    for _ in middles[1:]:
        near[:, order[-1]] = -np.inf
        order.append(int(near[order[-1]].argmax()))
    return middles[order]


def _cell_of_each(vectors: Matrix, middles: Matrix) -> Ids:
    """Of each vector, which middle is nearest: that of the highest ⟨v, c⟩ - |c|²/2."""
    half = _squares(middles) / 2
    some = range(0, len(vectors), BLOCK)
    found = [(vectors[at : at + BLOCK] @ middles.T - half).argmax(axis=1) for at in some]
    return np.concatenate(found)


def _squares(vectors: Matrix) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = np.vecdot(vectors, vectors)
    return squares
