"""The scores of many retrievers for held-back listeners, at the songs that matter, so that weights are tried in a moment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.blend.blend import on_one_scale
from models.evaluation.batch import hits
from models.past import Past
from models.retriever import Retriever

DEPTH = (
    100  # the best songs of each retriever take part: what none of them has there hardly comes to the top 20
)
BATCH = 256


@dataclass(frozen=True, slots=True)
class Sheet:
    """Scores on one scale: float32 [retrievers × listeners × candidates], and which candidates are loved."""

    names: tuple[str, ...]
    scores: NDArray[np.float32]
    is_loved: NDArray[np.bool_]  # [listeners × candidates]
    loved: NDArray[np.int64]  # how many songs each listener loves, candidates or not

    @classmethod
    def of(
        cls, retrievers: Mapping[str, Retriever], past: Past, rows: Positions, relevant: Matrix
    ) -> "Sheet":
        """The sheet for the listeners in `rows` of the past, who love `relevant` [rows × songs]."""
        parts = [
            _part(retrievers, past, rows[start : start + BATCH], relevant[start : start + BATCH])
            for start in range(0, len(rows), BATCH)
        ]
        width = max(scores.shape[2] for scores, _ in parts)
        return cls(
            tuple(retrievers),
            np.concatenate([_widened(scores, width, -np.inf) for scores, _ in parts], axis=1),
            np.concatenate([_widened(is_loved, width, 0) for _, is_loved in parts]),
            np.diff(relevant.indptr).astype(np.int64),
        )

    @classmethod
    def together(cls, sheets: Sequence["Sheet"]) -> "Sheet":
        """Sheets of the same retrievers for different listeners as one."""
        width = max(sheet.scores.shape[2] for sheet in sheets)
        return cls(
            sheets[0].names,
            np.concatenate([_widened(sheet.scores, width, -np.inf) for sheet in sheets], axis=1),
            np.concatenate([_widened(sheet.is_loved, width, 0) for sheet in sheets]),
            np.concatenate([sheet.loved for sheet in sheets]),
        )

    def only(self, names: Collection[str]) -> "Sheet":
        """The sheet of some of its retrievers."""
        kept = [place for place, name in enumerate(self.names) if name in names]
        return Sheet(tuple(self.names[place] for place in kept), self.scores[kept], self.is_loved, self.loved)

    def worth(self, weights: NDArray[np.float64], k: int) -> float:
        """Recall and NDCG at k, added, of the lists that these weights make."""
        used = np.flatnonzero(weights)
        if not len(used):
            return 0.0
        total = np.zeros(self.is_loved.shape, np.float32)
        for each in used.tolist():
            total += np.float32(weights[each]) * self.scores[each]
        size = min(k, self.is_loved.shape[1])
        top = np.argpartition(-total, size - 1, axis=1)[:, :size]
        order = np.argsort(-np.take_along_axis(total, top, 1), axis=1, kind="stable")
        hit = np.take_along_axis(self.is_loved, np.take_along_axis(top, order, 1), 1)
        discount: NDArray[np.float64] = 1 / np.log2(np.arange(2, k + 2))
        best = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(self.loved, k)]
        return float((hit.sum(axis=1) / self.loved + hit @ discount[:size] / best).mean())


def _part(
    retrievers: Mapping[str, Retriever], past: Past, rows: Positions, relevant: Matrix
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    heard = past.listens[rows]
    all_scores = [on_one_scale(each.scores(past, rows), heard) for each in retrievers.values()]
    depth = min(DEPTH, past.shape[1])
    tops = [np.argpartition(-scores, depth - 1, axis=1)[:, :depth] for scores in all_scores]
    pools = [np.unique(np.concatenate([top[row] for top in tops])) for row in range(len(rows))]
    candidates = np.full((len(rows), max(map(len, pools))), -1, dtype=np.int64)
    for row, pool in enumerate(pools):
        pool = np.setdiff1d(pool, heard.indices[heard.indptr[row] : heard.indptr[row + 1]])  # noqa: PLW2901
        candidates[row, : len(pool)] = pool
    is_free = candidates >= 0
    gathered = np.stack([np.take_along_axis(scores, candidates.clip(0), 1) for scores in all_scores])
    gathered[:, ~is_free] = -np.inf

    return gathered, hits(candidates, relevant)


def _widened(array: NDArray[Any], width: int, fill: float) -> NDArray[Any]:
    """The array with more columns at its end, all of one value."""
    missing = [(0, 0)] * (array.ndim - 1) + [(0, width - array.shape[-1])]
    wider: NDArray[Any] = np.pad(array, missing, constant_values=fill)
    return wider
