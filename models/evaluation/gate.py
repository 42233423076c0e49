"""Decides from what listeners really did next whether a new model may serve: the gate.

Each judged listener gives every system one number, the NDCG of its list against what they listened to later. The same
listeners judge all systems, so the differences are paired, and their interval comes from resampling listeners. The rule:

    refused    when nothing shows it better than most popular   (lower bound of the difference <= 0)
    refused    when it is worse than the live model             (upper bound of the difference < 0)
    refused    when it is worse than the live model for a cohort by more than `TOLERATED` of what that reaches there
    refused    when its data are less than half of the live model's: something was lost on the way
    passed     otherwise

Whether it is behind item-kNN, the plainest personal recipe, is said with the ruling and refuses nothing: were the live recipe
behind it too, as a small platform's may be, no newer data would ever be served.

A cohort counts from `ENOUGH` listeners on. Where several are looked at, chance alone would find one that seems worse, so
each is given its part of the 5 % (Bonferroni). Below `ENOUGH` listeners in all an interval says little about anybody else,
and a young platform must start with something: there, only a model that is surely worse than most popular or the live one
is refused, and the ruling says that nothing was shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.evaluation.batch import LEVEL, Estimate, bootstrap
from models.evaluation.cohorts import IN_WORDS

ENOUGH = 50  # judged listeners
SHRUNK = 0.5  # of the live model's rows: less is no accident of a day
TOLERATED = 0.02  # of what another system reaches: to lose so little is not held against a model
POPULAR = "most popular"
KNN = "item-kNN"
LIVE = "the live model"

Values = NDArray[np.float64]  # one number per judged listener, in the same order for every system


@dataclass(frozen=True, slots=True)
class Ballot:
    """What some listeners' numbers say of the new model and of each other system."""

    challenger: Values
    others: Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether a model may serve, why, and by how much it differs from the others."""

    is_passed: bool
    reason: str
    gains: Mapping[str, Estimate]  # over each other system, positive when the new model is better
    cohorts: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)  # the same by cohort


def gain(challenger: Values, other: Values, rng: np.random.Generator, *, level: float = LEVEL) -> Estimate:
    """How much better the challenger is, over the same listeners: the mean of paired differences, with its interval.

        gain = mean over u of (challenger_u - other_u)

    >>> gain(np.array([0.5, 0.75]), np.array([0.25, 0.5]), np.random.default_rng(0))
    Estimate(mean=0.25, low=0.25, high=0.25)
    """
    return bootstrap(challenger - other, rng, level=level)


def rule(
    whole: Ballot,
    cohorts: Mapping[str, Ballot],
    rows: int,
    live_rows: int | None,
    rng: np.random.Generator,
) -> Ruling:
    """The ruling on a challenger, by what all listeners say of it and the others, and those of each cohort.

    `rows` is how much it learnt from, `live_rows` how much the live model did, if one is live.

    >>> good, chance = np.full(60, 0.5), np.zeros(60)
    >>> rule(Ballot(good, {POPULAR: chance}), {}, 100, None, np.random.default_rng(0)).reason
    'better than most popular by 0.5000 [0.5000, 0.5000]'
    >>> rule(Ballot(chance, {POPULAR: good}), {}, 100, None, np.random.default_rng(0)).is_passed
    False
    """
    gains = _gains(whole, rng, LEVEL)
    told = {name: each for name, each in cohorts.items() if len(each.challenger)}
    counted = sum(len(each.challenger) >= ENOUGH for each in told.values())
    level = 1 - (1 - LEVEL) / max(counted, 1)
    of_cohorts = {name: _gains(each, rng, level) for name, each in told.items()}

    def ruled(reason: str, *, is_passed: bool) -> Ruling:
        return Ruling(is_passed, reason, gains, of_cohorts)

    if live_rows is not None and rows < SHRUNK * live_rows:
        lost = f"it learnt from {rows:,} rows, the live model from {live_rows:,}: data are missing"
        return ruled(lost, is_passed=False)
    refusals = [
        f"worse than {name} by {_less(each)}" for name, each in gains.items() if name != KNN and each.high < 0
    ]
    if refusals:
        return ruled(" and ".join(refusals), is_passed=False)
    over_popular = gains.get(POPULAR)
    is_better = over_popular is not None and over_popular.low > 0
    if not is_better and len(whole.challenger) >= ENOUGH:
        return ruled(f"not shown to be better than {POPULAR}: {over_popular}", is_passed=False)
    if worse := _worse_for(told, of_cohorts):
        return ruled(f"worse than {LIVE} for {' and for '.join(worse)}", is_passed=False)
    if not is_better:
        few = f"only {len(whole.challenger)} listeners to judge by, too few to tell it from {POPULAR}"
        return ruled(few, is_passed=True)
    reason = f"better than {POPULAR} by {over_popular}"
    if LIVE in gains:
        reason += f", no worse than {LIVE} ({gains[LIVE]})"
    if KNN in gains and _is_lost(gains[KNN], whole.others[KNN]):
        reason += f", but behind {KNN} by {_less(gains[KNN])}"
    return ruled(reason, is_passed=True)


def _gains(ballot: Ballot, rng: np.random.Generator, level: float) -> dict[str, Estimate]:
    if not len(ballot.challenger):
        return {}
    return {name: gain(ballot.challenger, values, rng, level=level) for name, values in ballot.others.items()}


def _worse_for(cohorts: Mapping[str, Ballot], gains: Mapping[str, Mapping[str, Estimate]]) -> list[str]:
    """The cohorts of enough listeners for whom it would be a loss to change from the live model."""
    return [
        f"{IN_WORDS.get(name, name)} by {_less(gains[name][LIVE])} ({len(ballot.challenger)} judged)"
        for name, ballot in cohorts.items()
        if LIVE in ballot.others
        and len(ballot.challenger) >= ENOUGH
        and _is_lost(gains[name][LIVE], ballot.others[LIVE])
    ]


def _is_lost(gained: Estimate, other: Values) -> bool:
    """Whether the difference is surely a loss of more than what is tolerated."""
    return gained.high < -TOLERATED * float(other.mean())


def _less(gained: Estimate) -> Estimate:
    """The same difference the other way round."""
    return Estimate(-gained.mean, -gained.high, -gained.low)
