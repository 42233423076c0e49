"""Decides from what listeners really did next whether a new model may serve: the gate.

Each judged listener gives every system one number, the NDCG of its list against what they listened to later. The same
listeners judge all systems, so the differences are paired, and their interval comes from resampling listeners. The rule:

    refused    when nothing shows it better than most popular   (lower bound of the difference <= 0)
    refused    when it is worse than the live model             (upper bound of the difference < 0)
    refused    when its data are less than half of the live model's: something was lost on the way
    passed     otherwise

Below `ENOUGH` listeners an interval says little about anybody else, and a young platform must start with something:
there, only a model that is surely worse is refused, and the ruling says that nothing was shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.batch import Estimate, bootstrap

ENOUGH = 50  # judged listeners
SHRUNK = 0.5  # of the live model's rows: less is no accident of a day
POPULAR = "most popular"
LIVE = "the live model"

Values = NDArray[np.float64]  # one number per judged listener, in the same order for every system


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether a model may serve, why, and by how much it differs from the others."""

    is_passed: bool
    reason: str
    gains: Mapping[str, Estimate]  # over each other system, positive when the new model is better


def gain(challenger: Values, other: Values, rng: np.random.Generator) -> Estimate:
    """How much better the challenger is, over the same listeners: the mean of paired differences, with its interval.

        gain = mean over u of (challenger_u - other_u)

    >>> gain(np.array([0.5, 0.75]), np.array([0.25, 0.5]), np.random.default_rng(0))
    Estimate(mean=0.25, low=0.25, high=0.25)
    """
    return bootstrap(challenger - other, rng)


def rule(
    challenger: Values,
    others: Mapping[str, Values],
    rows: int,
    live_rows: int | None,
    rng: np.random.Generator,
) -> Ruling:
    """The ruling on a challenger, by its values and those of most popular and the live model's recipe.

    `rows` is how much it learnt from, `live_rows` how much the live model did, if one is live.

    >>> good, chance = np.full(60, 0.5), np.zeros(60)
    >>> rule(good, {POPULAR: chance}, 100, None, np.random.default_rng(0)).reason
    'better than most popular by 0.5000 [0.5000, 0.5000]'
    >>> rule(chance, {POPULAR: good}, 100, None, np.random.default_rng(0)).is_passed
    False
    """
    gains = (
        {name: gain(challenger, values, rng) for name, values in others.items()} if len(challenger) else {}
    )
    if live_rows is not None and rows < SHRUNK * live_rows:
        told = f"it learnt from {rows:,} rows, the live model from {live_rows:,}: data are missing"
        return Ruling(is_passed=False, reason=told, gains=gains)
    refusals = [f"worse than {name} by {_less(each)}" for name, each in gains.items() if each.high < 0]
    if refusals:
        return Ruling(is_passed=False, reason=" and ".join(refusals), gains=gains)
    over_popular = gains.get(POPULAR)
    is_better = over_popular is not None and over_popular.low > 0
    if not is_better and len(challenger) >= ENOUGH:
        told = f"not shown to be better than {POPULAR}: {over_popular}"
        return Ruling(is_passed=False, reason=told, gains=gains)
    if not is_better:
        told = f"only {len(challenger)} listeners to judge by, too few to tell it from {POPULAR}"
        return Ruling(is_passed=True, reason=told, gains=gains)
    told = f"better than {POPULAR} by {over_popular}"
    if LIVE in gains:
        told += f", no worse than {LIVE} ({gains[LIVE]})"
    return Ruling(is_passed=True, reason=told, gains=gains)


def _less(gained: Estimate) -> Estimate:
    """The same difference the other way round."""
    return Estimate(-gained.mean, -gained.high, -gained.low)
