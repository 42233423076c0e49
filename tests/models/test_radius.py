"""The blast radius of a change of models, against what can be counted by hand."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.evaluation.radius import Radius, shared_part

LISTS = arrays(np.int64, (6, 4), elements=st.integers(0, 30), unique=True)


def radius(before: list[list[int]], after: list[list[int]]) -> Radius:
    """Songs 0 to 9 are of Ann, 10 to 19 of Ben, the others of nobody who has a name."""
    artists = np.arange(100) // 10
    return Radius.of(
        "als/1", np.array(before), np.array(after), artists, {0: "Ann", 1: "Ben"}, milliseconds=(2.0, 3.0)
    )


def test_what_gains_and_loses_is_told_with_its_parts_of_all_places():
    told = radius([[0, 1], [0, 2]], [[10, 11], [0, 20]])

    assert [str(each) for each in told.gaining] == ["Ben 0.00 % → 50.00 %", "artist 2 0.00 % → 25.00 %"]
    assert [str(each) for each in told.losing] == ["Ann 100.00 % → 25.00 %"]
    assert (told.overlap, told.churn, told.first) == (0.25, 0.5, 0.5)
    assert (told.milliseconds, told.live_milliseconds) == (3.0, 2.0)


def test_it_comes_back_from_json_as_it_was():
    told = radius([[0, 1], [0, 2]], [[10, 11], [0, 20]])

    assert Radius.told(json.loads(json.dumps(told.as_dict()))) == told
    assert "overlap@20 0.25" in told.line()
    assert "up Ben 0.00 % → 50.00 %; down Ann" in told.line()


def test_of_nobody_nothing_changes():
    nobody = np.empty((0, 20), np.int64)

    told = Radius.of("als/1", nobody, nobody, np.arange(3), {}, milliseconds=(0.0, 0.0))

    assert (told.listeners, told.overlap, told.gaining, told.losing) == (0, 0.0, (), ())


@given(LISTS, LISTS)
def test_overlap_is_the_same_from_both_sides_and_whatever_the_order(before: np.ndarray, after: np.ndarray):
    shared = shared_part(before, after)

    assert shared.tolist() == shared_part(after[:, ::-1], before).tolist()
    plain = [len(set(one) & set(other)) / 4 for one, other in zip(before, after, strict=True)]
    assert shared == pytest.approx(plain)
