"""Learns the weights of the linear ranker from what people chose among what they could have been given.

Every song that was taken is compared with songs of the same list that were not: the weights are those of a logistic
regression over the differences of their features (Burges et al., "Learning to rank using gradient descent", 2005, with a
linear score):

    P(i is taken before j) = 1 / (1 + exp(-(w (x_i - x_j) + b (z_i - z_j))))

z says how much its place on a list spoke for a song that was shown, so that w need not explain what the place did; when
lists are made z is the same for all. What chance rarely showed counts for more (inverse propensities).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.arrays import Factors, Positions
from models.evaluation.batch import Estimate, bootstrap
from models.ranker.linear import DEFAULT, NAMES, Linear

Doubles = NDArray[np.float64]

SAID = (
    "followed",
    "wanted",
    "seed",
)  # what listeners say outright, and what was asked for: weights set by hand
LEARNT = tuple(name for name in NAMES if name not in SAID)
AGAINST = 20  # songs not taken that each taken one is compared with
ENOUGH_LISTENERS, ENOUGH_TAKEN = 100, 500  # of whom something was taken; below, the weights set by hand stay
FIFTHS = 5  # each fifth of the listeners judges what the others taught
K = 20
MOST_TRUST = 10.0  # a song that chance showed once in a thousand times is no thousand songs
BINS = 10
FLAT = 1e-6  # a feature that differs less than this says nothing


@dataclass(frozen=True, slots=True)
class Choices:
    """Candidates, row by row, in groups of which each is one list or one listener's candidates at a moment."""

    features: Factors  # [candidates × features]
    is_taken: NDArray[np.bool_]
    groups: Positions  # ascending
    place_bias: (
        Doubles  # 1 / log2(place + 1) of what was shown at a place (1 the first); 0 of what was not shown
    )
    trust: Doubles  # how much each taken one counts

    @classmethod
    def of(
        cls,
        lists: Sequence[tuple[Factors, NDArray[np.bool_]]],
        places: Sequence[Positions] | None = None,
        propensities: Sequence[Doubles] | None = None,
    ) -> Self:
        """The choices in some lists, each of features and what was taken; of lists that were shown also where each song
        stood, 1 the first, and how likely it was to stand there.
        """
        sizes = [len(taken) for _, taken in lists]
        nothing = [np.zeros(size) for size in sizes]
        shown = nothing if places is None else [1 / np.log2(each + 1.0) for each in places]
        if propensities is None:
            trust = [np.ones(size) for size in sizes]
        else:
            trust = [np.minimum(1 / each, MOST_TRUST) for each in propensities]
        return cls(
            np.concatenate([features for features, _ in lists] or [np.empty((0, len(NAMES)), np.float32)]),
            np.concatenate([taken for _, taken in lists] or [np.empty(0, np.bool_)]),
            np.repeat(np.arange(len(lists)), sizes),
            np.concatenate(shown or [np.empty(0)]),
            np.concatenate(trust or [np.empty(0)]),
        )

    def where(self, kept: NDArray[np.bool_]) -> "Choices":
        """Those candidates alone."""
        return Choices(
            self.features[kept],
            self.is_taken[kept],
            self.groups[kept],
            self.place_bias[kept],
            self.trust[kept],
        )

    @property
    def lists(self) -> int:
        """How many groups have something that was taken."""
        return len(np.unique(self.groups[self.is_taken]))


@dataclass(frozen=True, slots=True)
class Bin:
    """Candidates of about the same predicted probability, and how many of them were really taken."""

    predicted: float
    observed: float
    candidates: int


@dataclass(frozen=True, slots=True)
class Learnt:
    """The weights to serve with, and what speaks for them."""

    ranker: Linear
    is_learnt: bool  # False: they are those set by hand
    reason: str
    listeners: int  # of whom something was taken
    taken: int
    slates: int  # lists that were shown and of which something was taken
    gain: Estimate | None = None  # NDCG over the weights set by hand, on listeners who taught nothing
    reliability: Sequence[Bin] = ()  # on the same listeners

    def as_dict(self) -> dict[str, object]:
        """Everything by name, for JSON."""
        gain = self.gain
        return {
            "weights": self.ranker.as_dict(),
            "calibration": self.ranker.calibration,
            "is_learnt": self.is_learnt,
            "reason": self.reason,
            "listeners": self.listeners,
            "taken": self.taken,
            "slates": self.slates,
            "gain": None if gain is None else {"mean": gain.mean, "low": gain.low, "high": gain.high},
            "reliability": [
                {"predicted": each.predicted, "observed": each.observed, "candidates": each.candidates}
                for each in self.reliability
            ],
        }


def learn(future: Choices, slates: Choices, rng: np.random.Generator, by_hand: Linear = DEFAULT) -> Learnt:
    """Weights from what listeners heard for the first time later, a group a listener, and from lists that were shown.

    They are served only where they are shown to be better than those set by hand: each listener is a judge of weights that
    they did not teach.
    """
    listeners, taken = future.lists, int(future.is_taken.sum())

    def told(
        ranker: Linear,
        reason: str,
        *,
        is_learnt: bool,
        gain: Estimate | None = None,
        reliable: Sequence[Bin] = (),
    ) -> Learnt:
        return Learnt(ranker, is_learnt, reason, listeners, taken, slates.lists, gain, reliable)

    if listeners < ENOUGH_LISTENERS or taken < ENOUGH_TAKEN:
        few = (
            f"{listeners:,} listeners took {taken:,} candidates: "
            f"{ENOUGH_LISTENERS:,} and {ENOUGH_TAKEN:,} are enough to learn from"
        )
        return told(by_hand, few, is_learnt=False)
    gains, likely = _judged(future, slates, rng, by_hand)
    gain = bootstrap(gains, rng)
    reliable = reliability(likely, future.is_taken)
    if gain.low <= 0:
        no = f"not shown to be better than the weights set by hand: {gain}"
        return told(by_hand, no, is_learnt=False, gain=gain, reliable=reliable)
    ranker = calibrated(fitted([future, slates], rng, by_hand), future)
    yes = f"better than the weights set by hand by {gain}"
    return told(ranker, yes, is_learnt=True, gain=gain, reliable=reliable)


def _judged(
    future: Choices, slates: Choices, rng: np.random.Generator, by_hand: Linear
) -> tuple[Doubles, Doubles]:
    """The gain of each listener, and the probability of each candidate, by weights that all but a fifth of them taught."""
    fifth = rng.permutation(int(future.groups.max()) + 1) % FIFTHS
    gains, likely = [], np.zeros(len(future.is_taken))
    for each in range(FIFTHS):
        is_judging = fifth[future.groups] == each
        taught, judging = future.where(~is_judging), future.where(is_judging)
        tried = calibrated(fitted([taught, slates], rng, by_hand), taught)
        gains.append(ndcg_of_each(tried, judging) - ndcg_of_each(by_hand, judging))
        likely[is_judging] = tried.probabilities(judging.features)
    return np.concatenate(gains), likely


def fitted(choices: Sequence[Choices], rng: np.random.Generator, by_hand: Linear = DEFAULT) -> Linear:
    """Learnt weights, put on the scale of those set by hand, which stay for what listeners say outright."""
    columns = np.array([NAMES.index(name) for name in LEARNT])
    every = np.concatenate([each.features[:, columns] for each in choices]).astype(np.float64)
    spread = every.std(axis=0)
    told = np.flatnonzero(spread > FLAT)
    differences, trust = _differences(choices, columns[told], rng)
    weights = by_hand.weights.astype(np.float64)
    weights[columns] = 0
    if len(differences):
        scale = np.append(spread[told], 1.0)  # the last one is the place's
        # Each comparison stands for itself and for its mirror image: half are turned round, so that no offset is learnt.
        turned = np.where(rng.random(len(differences)) < 0.5, -1.0, 1.0)
        regression = LogisticRegression(fit_intercept=False, max_iter=1000)
        regression.fit(differences / scale * turned[:, None], turned > 0, sample_weight=trust)
        learnt = (regression.coef_[0] / scale)[:-1]
        before = (every @ by_hand.weights[columns].astype(np.float64)).std()
        after = (every[:, told] @ learnt).std()
        weights[columns[told]] = learnt * (before / after if after > 0 else 1.0)
    return Linear(weights.astype(np.float32))


def calibrated(ranker: Linear, choices: Choices) -> Linear:
    """The ranker with the slope and intercept by which its scores are probabilities of being taken (Platt, 1999)."""
    if choices.is_taken.all() or not choices.is_taken.any():
        return ranker
    regression = LogisticRegression(C=1e6, max_iter=1000)
    regression.fit(ranker.scores(choices.features)[:, None], choices.is_taken)
    return replace(ranker, slope=float(regression.coef_[0, 0]), intercept=float(regression.intercept_[0]))


def reliability(probabilities: Doubles, is_taken: NDArray[np.bool_], bins: int = BINS) -> list[Bin]:
    """Predicted beside observed, in bins of equally many candidates, the least likely first.

    >>> reliability(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]), 2)[1]
    Bin(predicted=0.85, observed=1.0, candidates=2)
    """
    order = np.argsort(probabilities, kind="stable")
    return [
        Bin(round(float(probabilities[some].mean()), 6), round(float(is_taken[some].mean()), 6), len(some))
        for some in np.array_split(order, bins)
        if len(some)
    ]


def ndcg_of_each(ranker: Linear, choices: Choices, k: int = K) -> Doubles:
    """The NDCG at k of the candidates of each group that has something taken, in the ranker's order."""
    scores = ranker.scores(choices.features)
    order = np.lexsort((-scores, choices.groups))
    taken, groups = choices.is_taken[order], choices.groups[order]
    first = np.searchsorted(groups, groups)
    place = np.arange(len(groups)) - first
    gains = np.where(taken & (place < k), 1 / np.log2(place + 2.0), 0)
    found = np.bincount(groups, gains)
    loved = np.bincount(groups, taken)
    best = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
    ideal = best[np.minimum(loved, k).astype(np.int64)]
    values: Doubles = found[ideal > 0] / ideal[ideal > 0]
    return values


def of_dict(told: Mapping[str, Mapping[str, float]]) -> Linear:
    """The ranker of what `Learnt.as_dict` told."""
    return Linear.of(told["weights"], told["calibration"])


def _differences(
    choices: Sequence[Choices], columns: Positions, rng: np.random.Generator
) -> tuple[Doubles, Doubles]:
    """For each taken candidate and some others of its group what differs, the place last; and how much each counts."""
    found, trusts = [np.empty((0, len(columns) + 1))], [np.empty(0)]
    for each in choices:
        told = np.column_stack([each.features[:, columns].astype(np.float64), each.place_bias])
        begins = np.searchsorted(each.groups, np.unique(each.groups[each.is_taken]), side="left")
        ends = np.searchsorted(each.groups, np.unique(each.groups[each.is_taken]), side="right")
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            taken = begin + np.flatnonzero(each.is_taken[begin:end])
            others = begin + np.flatnonzero(~each.is_taken[begin:end])
            if not len(others):
                continue
            count = min(AGAINST, len(others))
            against = rng.choice(others, (len(taken), count))
            found.append((told[taken][:, None, :] - told[against]).reshape(-1, told.shape[1]))
            trusts.append(np.repeat(each.trust[taken], count))
    return np.concatenate(found), np.concatenate(trusts)
