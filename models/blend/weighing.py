"""Weighs the members of a blend by how well their sum puts first what listeners held back love.

Recall moves in jumps, and one weight at a time ends where no single one helps. So both steps here follow gradients, of all
weights at once: first the likelihood that a softmax over the candidates gives to what is loved (ListNet; Cao et al., ICML
2007), then a smoothed recall. A song counts there as far as it is above the end of its listener's list, by a sigmoid:

    recall@k = mean over listeners of  sum over loved songs i of sigmoid((s_i - end) / width)  /  number of loved songs

where the end is halfway between the last song on the list and the first that it leaves out.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.blend.sheet import Sheet

__all__ = ["Smooth", "chosen"]

WIDTH = 0.03  # of the sigmoid; a listener's best song of each member has 1, and weights add up to 1
LEAST = 0.01  # a smaller weight is none
NOTHING = 1e-9  # what all others may fall to: something must add up to 1
STEPS = 60

Scores: TypeAlias = NDArray[np.float32]
Weights: TypeAlias = NDArray[np.float64]
Judged: TypeAlias = tuple[float, Weights]


def chosen(sheet: Sheet, k: int) -> dict[str, float]:
    """Weights that make good lists of k; they add up to 1, and those of 0 are left out.

    Where no sum is better than the best member alone, it is that one.
    """
    alone = np.eye(len(sheet.names))
    best = alone[int(np.argmax([sheet.worth(row, k) for row in alone]))]
    whole = Smooth(sheet, k).weights()
    weights = whole if sheet.worth(whole, k) > sheet.worth(best, k) else best
    return {name: float(weight) for name, weight in zip(sheet.names, weights, strict=True) if weight > 0}


class Smooth:
    """The two judgements of weights for one sheet, with their gradients."""

    def __init__(self, sheet: Sheet, k: int) -> None:
        self.is_free = np.isfinite(sheet.scores[0])
        self.scores: Scores = np.where(self.is_free, sheet.scores, np.float32(0))
        self.is_loved = sheet.is_loved & self.is_free
        self.loved = np.maximum(sheet.loved, 1)[:, None].astype(np.float32)
        deepest = self.scores.shape[2] - 1
        # A good list begins well, too.
        self.depths = sorted({min(max(k // part, 1), deepest) for part in (4, 2, 1)} - {0})

    def weights(self) -> Weights:
        """The best by likelihood, moved to where recall is best.

        The last bits of BLAS's sums depend on its number of threads, and between members that say nearly the same the
        way makes of them a hundredth of weight.
        """
        weights = np.full(len(self.scores), 0.5)
        for judge in (self.likelihood, self.recall) if self.depths else ():
            weights = _moved(judge, weights)
            weights /= weights.sum()
        weights = weights.round(3)
        weights[weights < min(LEAST, weights.max())] = 0
        return np.asarray(weights / weights.sum(), np.float64)

    def likelihood(self, weights: Weights) -> Judged:
        """Minus the mean logarithm of the chance of a loved candidate."""
        total = self._total(weights)
        total -= total.max(axis=1, keepdims=True)
        chances = np.exp(total)
        sums = chances.sum(axis=1, keepdims=True)
        count = np.maximum(self.is_loved.sum(axis=1, keepdims=True), 1)
        told = np.where(self.is_loved, np.log(sums) - total, 0) / count
        has_any = self.is_loved.any(axis=1, keepdims=True)
        slope = np.where(has_any, chances / sums, 0) - self.is_loved / count
        return float(told.sum()) / len(total), self._turned(slope)

    def recall(self, weights: Weights) -> Judged:
        """Minus the mean smoothed recall at the depths. Weights are judged as if they added up to 1."""
        whole = weights.sum()
        total = self._total(weights / whole)
        value, slope = 0.0, np.zeros_like(total)
        for depth in self.depths:
            ends = np.argpartition(-total, (depth - 1, depth), axis=1)[:, depth - 1 : depth + 1]
            end = np.take_along_axis(total, ends, 1).mean(axis=1, keepdims=True)
            above = (total - end) / np.float32(WIDTH)
            inside = np.where(self.is_loved, 1 / (1 + np.exp(-above.clip(-40, 40))), 0) / self.loved
            value += float(inside.sum())
            steep = inside * (1 - inside * self.loved) / np.float32(WIDTH)
            slope += steep
            left = np.take_along_axis(slope, ends, 1) - steep.sum(axis=1, keepdims=True) / 2
            np.put_along_axis(slope, ends, left, 1)
        turned = self._turned(slope) / len(self.depths)
        return -value / len(total) / len(self.depths), -(turned - turned @ weights / whole) / whole

    def _total(self, weights: Weights) -> Scores:
        total = np.tensordot(weights.astype(np.float32), self.scores, 1)
        return np.where(self.is_free, total, np.float32(-1e9))

    def _turned(self, slope: NDArray[np.floating]) -> Weights:
        """The mean slope over listeners, by candidate, as one by weight."""
        by_weight = np.tensordot(self.scores, slope.astype(np.float32), ((1, 2), (0, 1)))
        return np.asarray(by_weight / len(slope), np.float64)


def _moved(judge: Callable[[Weights], Judged], start: Weights) -> Weights:
    bounds = [(NOTHING, None)] * len(start)
    found = minimize(judge, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS})
    return np.asarray(found.x, np.float64)
