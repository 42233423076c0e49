"""The blend: one scale for all members, weights that make good lists, and a sheet that says what the evaluation would."""

import numpy as np
import pytest
import scipy.sparse as sp

from models.arrays import Positions
from models.blend import weighing
from models.blend.blend import Blend
from models.blend.sheet import Sheet
from models.blend.tuning import blended, tuned
from models.blend.weighing import Smooth, chosen
from models.evaluation.batch import measure
from models.evaluation.ranking import ranked
from models.past import Past

LISTENERS, SONGS = 30, 40


class Told:
    """A retriever that says what a table says."""

    name = "told"

    def __init__(self, table: np.ndarray) -> None:
        self.table = table.astype(np.float32)

    def scores(self, past: Past, rows: Positions) -> np.ndarray:
        return self.table[rows].copy()


def town(seed: int) -> tuple[Past, sp.csr_array, dict[str, Told]]:
    """A past, what is loved beyond it, and three retrievers: one that knows half of that, one the other half, one nothing."""
    rng = np.random.default_rng(seed)
    table = rng.random((LISTENERS, SONGS))
    heard, loved = table < 0.3, table > 0.8
    loved[:, 0] |= ~heard[:, 0]
    heard[~loved.any(axis=1), 1] = True
    noise = rng.random((3, LISTENERS, SONGS))
    left = np.arange(SONGS) % 2 == 0
    said = {
        "left": Told(1000 * (noise[0] + 2 * (loved & left))),
        "right": Told(noise[1] + 2 * (loved & ~left)),
        "noise": Told(noise[2]),
    }
    return Past(sp.csr_array(heard.astype(np.float32))), sp.csr_array(loved.astype(np.float32)), said


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sheet_says_what_the_evaluation_says(seed: int):
    past, loved, said = town(seed)
    rows = np.arange(LISTENERS)
    sheet = Sheet.of(said, past, rows, loved)
    weights = np.array([0.5, 0.25, 0.25])

    blend = Blend(tuple(said.values()), tuple(weights.tolist()), np.zeros(SONGS, np.int64))
    lists = ranked(lambda asked: blend.scores(past, asked), past.listens, rows, 20)
    values = measure(lists, loved, 10)

    assert sheet.worth(weights, 10) == pytest.approx(
        float((values["recall"] + values["ndcg"]).mean()), abs=1e-6
    )


def test_weights_are_given_to_those_who_know_and_not_to_noise():
    past, loved, said = town(4)
    sheet = Sheet.of(said, past, np.arange(LISTENERS), loved)

    weights = chosen(sheet, 10)

    assert weights.keys() >= {"left", "right"}
    assert sum(weights.values()) == pytest.approx(1)
    assert weights.get("noise", 0) < 0.2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_slopes_that_weights_follow_are_those_of_what_is_judged(
    seed: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(weighing, "WIDTH", 0.3)  # the narrower, the more bends
    past, loved, said = town(seed)
    judges = Smooth(Sheet.of(said, past, np.arange(LISTENERS), loved), 10)
    weights = np.random.default_rng(seed).random(3) + 0.1

    for judge in (judges.likelihood, judges.recall):
        _, slope = judge(weights)
        steps = 1e-3 * np.eye(3)
        measured = [(judge(weights + step)[0] - judge(weights - step)[0]) / 2e-3 for step in steps]

        np.testing.assert_allclose(slope, measured, atol=2e-3 + 0.02 * np.abs(slope).max())


def test_a_recall_hardly_smoothed_is_recall(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(weighing, "WIDTH", 1e-6)
    past, loved, said = town(4)
    sheet = Sheet.of(said, past, np.arange(LISTENERS), loved)
    weights, judges = np.array([0.5, 0.3, 0.2]), Smooth(sheet, 8)

    told, _ = judges.recall(weights)

    total = np.where(judges.is_free, np.tensordot(weights, judges.scores, 1), -np.inf)
    order = np.argsort(-total, axis=1)
    hit = np.take_along_axis(sheet.is_loved, order, 1)
    recalls = [(hit[:, :depth].sum(axis=1) / sheet.loved).mean() for depth in (2, 4, 8)]
    assert -told == pytest.approx(np.mean(recalls), abs=1e-6)


def test_what_is_no_better_together_is_its_best_alone():
    past, loved, said = town(9)
    sheet = Sheet.of({"right": said["right"], "again": said["right"]}, past, np.arange(LISTENERS), loved)

    weights = chosen(sheet, 10)

    assert weights == {"right": 1.0}


def test_sheets_side_by_side_are_the_mean_of_both_listeners():
    sheets = [Sheet.of(said, past, np.arange(LISTENERS), loved) for past, loved, said in (town(5), town(6))]
    weights = np.array([1.0, 1.0, 0.0])

    together = Sheet.together(sheets)

    assert together.worth(weights, 10) == pytest.approx(
        np.mean([sheet.worth(weights, 10) for sheet in sheets])
    )


def test_sparing_a_retriever_is_giving_it_no_weight():
    past, loved, said = town(7)
    sheet = Sheet.of(said, past, np.arange(LISTENERS), loved)

    fewer = sheet.only({"left", "noise"})

    assert fewer.worth(np.array([0.6, 0.4]), 10) == sheet.worth(np.array([0.6, 0.0, 0.4]), 10)


def test_the_whole_way_from_a_past_to_a_blend_is_the_same_for_the_same_seed():
    past, _, _ = town(8)

    one, again = (blended(past, tuned(past, "random", 10, ["paths", "low-pass"]).weights) for _ in range(2))

    assert one.weights == again.weights
    np.testing.assert_array_equal(
        one.scores(past, np.arange(LISTENERS)), again.scores(past, np.arange(LISTENERS))
    )
