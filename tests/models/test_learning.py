"""The ranker learns what people go by, and neither what a place on a list did nor anything from too little."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation.metrics import ndcg_at
from models.ranker.learning import (
    ENOUGH_TAKEN,
    MOST_TRUST,
    SAID,
    Choices,
    calibrated,
    fitted,
    learn,
    ndcg_of_each,
    of_dict,
    reliability,
)
from models.ranker.linear import DEFAULT, NAMES, Linear

NOTHING = Choices.of([])
TASTE, POPULAR, ARTIST = (NAMES.index(name) for name in ("taste", "popular", "artist"))


def crowd(listeners: int = 400, candidates: int = 40, seed: int = 1, **loved: float) -> Choices:
    """Everybody takes songs by these weights and by chance: the likelier the higher their sum."""
    rng, wanted = np.random.default_rng(seed), Linear.of(loved).weights.astype(np.float64)
    lists = []
    for _ in range(listeners):
        features = np.zeros((candidates, len(NAMES)), np.float32)
        features[:, [TASTE, POPULAR, ARTIST]] = rng.random((candidates, 3))
        odds = np.exp(features @ wanted - 3)
        lists.append((features, rng.random(candidates) < odds / (1 + odds)))
    return Choices.of(lists)


def chance() -> np.random.Generator:
    return np.random.default_rng(7)


def test_what_people_go_by_is_learnt_and_shown_on_listeners_who_taught_nothing():
    told = learn(crowd(taste=1.0, artist=3.0), NOTHING, chance())

    weights = told.ranker.as_dict()
    assert told.is_learnt
    assert told.gain is not None
    assert told.gain.low > 0
    assert weights["artist"] / weights["taste"] == pytest.approx(3, rel=0.25)
    assert abs(weights["popular"]) < 0.1 * weights["artist"]


def test_what_listeners_say_outright_is_never_learnt():
    told = learn(crowd(taste=1.0, artist=3.0), NOTHING, chance())

    for name in SAID:
        assert told.ranker.as_dict()[name] == DEFAULT.as_dict()[name]


def test_learnt_scores_spread_as_those_set_by_hand_do():
    taught = crowd(taste=1.0, artist=3.0)

    learnt = fitted([taught], chance())

    by_hand, now = (ranker.scores(taught.features).std() for ranker in (DEFAULT, learnt))
    assert now == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize("listeners", [20, 95])
def test_from_too_little_nothing_is_learnt_and_it_says_how_little(listeners: int):
    few = crowd(listeners, taste=1.0, artist=3.0)

    told = learn(few, NOTHING, chance())

    assert not told.is_learnt
    assert told.ranker == DEFAULT
    assert f"{few.lists} listeners took {int(few.is_taken.sum()):,} candidates" in told.reason
    assert f"{ENOUGH_TAKEN}" in told.reason


def test_where_only_chance_decides_the_weights_set_by_hand_stay():
    told = learn(crowd(), NOTHING, chance())

    assert not told.is_learnt
    assert "not shown to be better" in told.reason


def test_probabilities_are_those_that_are_observed():
    told = learn(crowd(1500, taste=1.0, artist=3.0), NOTHING, chance())

    assert len(told.reliability) == 10
    for each in told.reliability:
        noise = 4 * np.sqrt(each.predicted * (1 - each.predicted) / each.candidates)
        assert each.observed == pytest.approx(each.predicted, abs=noise + 0.01)
    assert told.reliability[-1].observed > 3 * told.reliability[0].observed


def test_of_what_nobody_or_everybody_took_there_is_no_probability():
    taught = crowd(10)
    everybody = replace(taught, is_taken=np.ones_like(taught.is_taken))

    assert calibrated(DEFAULT, everybody) == DEFAULT


def slates(lists: int = 4000, length: int = 10) -> tuple[Choices, Choices]:
    """Lists in order of popularity, of which the upper places are looked at more; what is taken hangs on taste alone.

    As they were shown, and the same as if nobody knew where each song stood.
    """
    rng = np.random.default_rng(3)
    shown, stood = [], np.arange(1, length + 1)
    for _ in range(lists):
        features = np.zeros((length, len(NAMES)), np.float32)
        features[:, TASTE] = rng.random(length)
        features[:, POPULAR] = np.sort(rng.random(length))[::-1]
        odds = np.exp(2 * features[:, TASTE] + 3 / np.log2(stood + 1.0) - 4)
        shown.append((features, rng.random(length) < odds / (1 + odds)))
    return Choices.of(shown, [stood] * lists), Choices.of(shown)


def test_what_the_place_did_is_not_put_down_to_the_song():
    known, unknown = (fitted([each], chance()).as_dict() for each in slates())

    assert unknown["popular"] > 0.5 * unknown["taste"]
    assert abs(known["popular"]) < 0.2 * known["taste"]


def test_what_was_shown_rarely_counts_for_more_but_not_without_end():
    features = np.zeros((3, len(NAMES)), np.float32)
    lists = [(features, np.array([True, False, False]))]

    told = Choices.of(lists, [np.arange(1, 4)], [np.array([0.5, 0.001, 1.0])])

    assert told.trust.tolist() == [2.0, MOST_TRUST, 1.0]
    assert told.place_bias.tolist() == pytest.approx([1.0, 1 / np.log2(3), 0.5])


def test_lists_that_were_shown_teach_beside_the_future():
    future, (shown, _) = crowd(taste=1.0, popular=1.0), slates()

    alone, both = (fitted(each, chance()).as_dict() for each in ([future], [future, shown]))

    assert both["popular"] / both["taste"] < alone["popular"] / alone["taste"]
    assert learn(future, shown, chance()).slates == shown.lists


def test_the_quality_of_each_order_is_that_of_the_plain_formula():
    taught = crowd(30, taste=2.0)
    scores = DEFAULT.scores(taught.features)

    def plain(group: int) -> float:
        rows = np.flatnonzero(taught.groups == group)
        ranked = rows[np.argsort(-scores[rows], kind="stable")].tolist()
        return ndcg_at(20, ranked, set(rows[taught.is_taken[rows]].tolist()))

    with_taken: NDArray[np.int64] = np.unique(taught.groups[taught.is_taken])
    assert ndcg_of_each(DEFAULT, taught) == pytest.approx([plain(int(group)) for group in with_taken])


def test_what_was_learnt_comes_back_from_json_and_the_same_chance_gives_the_same():
    one, again = (learn(crowd(taste=1.0, artist=3.0), NOTHING, chance()) for _ in range(2))

    back = of_dict(one.as_dict())  # type: ignore[arg-type]
    assert one.as_dict() == again.as_dict()
    assert back.as_dict() == one.ranker.as_dict()
    assert back.calibration == one.ranker.calibration


def test_every_candidate_is_in_one_bin_of_reliability():
    bins = reliability(np.linspace(0, 1, 23), np.arange(23) > 11)

    assert sum(each.candidates for each in bins) == 23
    assert [each.predicted for each in bins] == sorted(each.predicted for each in bins)
