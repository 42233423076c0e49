"""The laws of the gate, and its intervals against the plain formula."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.evaluation.batch import bootstrap
from models.evaluation.gate import ENOUGH, KNN, LIVE, POPULAR, TOLERATED, Ballot, Ruling, gain, rule

LISTENERS = 200
NO_COHORTS: Mapping[str, Ballot] = {}


def values(mean: float, *, listeners: int = LISTENERS, seed: int = 0) -> NDArray[np.float64]:
    """One NDCG per listener, scattered around a mean."""
    return np.clip(np.random.default_rng(seed).normal(mean, 0.1, listeners), 0, 1)


def ruling(
    challenger: NDArray[np.float64],
    popular: NDArray[np.float64],
    live: NDArray[np.float64] | None = None,
    *,
    knn: NDArray[np.float64] | None = None,
    cohorts: Mapping[str, Ballot] = NO_COHORTS,
    rows: int = 1000,
    live_rows: int | None = None,
) -> Ruling:
    told = {POPULAR: popular, KNN: knn, LIVE: live}
    others = {name: each for name, each in told.items() if each is not None}
    return rule(Ballot(challenger, others), cohorts, rows, live_rows, np.random.default_rng(1))


def test_a_model_that_beats_most_popular_and_equals_the_live_one_passes():
    ruled = ruling(values(0.4), values(0.2, seed=1), values(0.4))

    assert ruled.is_passed
    assert ruled.gains[LIVE].mean == 0


def test_a_model_worse_than_the_live_one_is_refused_though_it_beats_most_popular():
    ruled = ruling(values(0.4), values(0.2, seed=1), values(0.5, seed=2))

    assert not ruled.is_passed
    assert "worse than the live model" in ruled.reason


def test_a_little_less_than_the_live_one_within_the_interval_passes():
    ruled = ruling(values(0.399), values(0.2, seed=1), values(0.4, seed=2))

    assert ruled.gains[LIVE].low < 0 < ruled.gains[LIVE].high
    assert ruled.is_passed


def test_a_model_that_is_only_popular_is_refused():
    popular = values(0.3)

    ruled = ruling(popular, popular)

    assert not ruled.is_passed
    assert "not shown to be better than most popular" in ruled.reason


def test_too_few_listeners_let_a_model_pass_and_it_says_so():
    few = values(0.3, listeners=ENOUGH - 1)

    ruled = ruling(few, few)

    assert ruled.is_passed
    assert f"only {ENOUGH - 1} listeners" in ruled.reason


def test_few_listeners_suffice_to_refuse_what_is_clearly_worse():
    ruled = ruling(values(0.2, listeners=20), values(0.6, listeners=20, seed=1))

    assert not ruled.is_passed
    assert "worse than most popular" in ruled.reason


def test_nobody_to_judge_by_lets_a_model_pass():
    nobody = np.empty(0)

    ruled = ruling(nobody, nobody)

    assert ruled.is_passed
    assert ruled.gains == {}


def test_who_is_better_on_the_whole_and_worse_for_a_cohort_is_refused_by_its_name():
    new, live = values(0.2, listeners=60), values(0.4, listeners=60, seed=1)
    heavy = values(0.7, listeners=140, seed=2)
    cohorts = {"new": Ballot(new, {LIVE: live}), "heavy": Ballot(heavy, {LIVE: heavy - 0.2})}
    whole = np.concatenate([new, heavy]), np.concatenate([live, heavy - 0.2])

    ruled = ruling(whole[0], values(0.1, seed=3), whole[1], cohorts=cohorts)

    assert ruled.gains[LIVE].low > 0
    assert not ruled.is_passed
    assert "worse than the live model for new listeners by" in ruled.reason
    assert "(60 judged)" in ruled.reason
    assert ruled.cohorts["heavy"][LIVE].mean == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("listeners", "lost"), [(ENOUGH - 1, 0.3), (120, TOLERATED / 2 * 0.5)], ids=["too few", "too little"]
)
def test_a_cohort_of_few_or_that_loses_little_stops_nobody(listeners: int, lost: float):
    live = values(0.5, listeners=listeners)

    ruled = ruling(
        values(0.5), values(0.1, seed=3), values(0.4), cohorts={"tail": Ballot(live - lost, {LIVE: live})}
    )

    assert ruled.is_passed
    assert ruled.cohorts["tail"][LIVE].high < 0


def test_the_more_cohorts_are_looked_at_the_surer_each_loss_must_be():
    live = values(0.5, listeners=80, seed=1)
    one = Ballot(values(0.5, listeners=80, seed=2), {LIVE: live})

    alone, among_six = (
        ruling(values(0.5), values(0.1), values(0.4), cohorts={f"c{n}": one for n in range(count)})
        for count in (1, 6)
    )

    widths = [ruled.cohorts["c0"][LIVE].high - ruled.cohorts["c0"][LIVE].low for ruled in (alone, among_six)]
    assert widths[1] > 1.2 * widths[0]


def test_a_model_behind_item_knn_passes_and_it_is_said():
    model = values(0.4)

    little = ruling(model, values(0.1), knn=model + 0.005)
    much = ruling(model, values(0.1), knn=model + 0.05)

    assert little.is_passed
    assert much.is_passed
    assert "item-kNN" not in little.reason
    assert "but behind item-kNN by 0.0500" in much.reason


def test_lost_data_are_named_however_good_the_model():
    ruled = ruling(values(0.9), values(0.1, seed=1), values(0.4), rows=499, live_rows=1000)

    assert not ruled.is_passed
    assert "499 rows, the live model from 1,000" in ruled.reason


@pytest.mark.parametrize("rows", [500, 1000, 5000])
def test_half_of_the_live_models_data_or_more_is_enough(rows: int):
    assert ruling(values(0.9), values(0.1, seed=1), values(0.4), rows=rows, live_rows=1000).is_passed


def test_the_same_chance_gives_the_same_ruling():
    asked = values(0.4), values(0.39, seed=1), values(0.4, seed=2)

    assert ruling(*asked) == ruling(*asked)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.floats(-0.5, 0.5))
def test_a_gain_is_the_difference_of_the_means(told: list[float], shift: float):
    challenger, other = np.array(told) + shift, np.array(told)[::-1].copy()

    gained = gain(challenger, other, np.random.default_rng(0))

    assert gained.mean == pytest.approx(challenger.mean() - other.mean())
    assert gained.low <= gained.high


def test_the_interval_is_that_of_the_normal_approximation_where_that_holds():
    drawn = values(0.5, listeners=2000)

    estimate = bootstrap(drawn, np.random.default_rng(0))

    reach = 1.96 * drawn.std(ddof=1) / np.sqrt(len(drawn))
    assert estimate.mean == drawn.mean()
    assert estimate.low == pytest.approx(drawn.mean() - reach, abs=reach / 8)
    assert estimate.high == pytest.approx(drawn.mean() + reach, abs=reach / 8)


def test_listeners_pair_the_systems_so_that_a_small_gain_shows():
    other = values(0.4)

    paired = gain(other + 0.005, other, np.random.default_rng(0))

    assert paired.low == pytest.approx(0.005)
    assert bootstrap(other, np.random.default_rng(0)).high - other.mean() > 0.005
