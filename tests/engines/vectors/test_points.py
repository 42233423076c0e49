"""Points that no engine could search honestly are refused before any engine sees them."""

import numpy as np
import pytest

from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.inner_product import highest
from foundation.engines.vectors.port import BadName, BadPoints, Points
from foundation.errors import Unconfigured
from tests.engines.vectors.conftest import points


@pytest.mark.parametrize(
    ("rows", "ids"),
    [
        ([], []),
        ([[1, 2], [3, 4]], [1]),
        ([[1, 2], [3, 4]], [1, 1]),
        ([[1, 2], [3, 4]], [-1, 1]),
        ([[1, np.nan]], [1]),
        ([[1, np.inf]], [1]),
        ([[]], [1]),
    ],
)
def test_impossible_points_are_refused(rows: list[list[float]], ids: list[int]) -> None:
    with pytest.raises(BadPoints):
        points(rows, ids=ids)


def test_points_of_another_precision_are_refused() -> None:
    with pytest.raises(BadPoints, match="float32"):
        Points(np.array([1]), {"taste": np.array([[1.0]])})  # type: ignore[dict-item]


def test_points_with_no_vectors_or_vectors_without_a_plain_name_are_refused() -> None:
    ids, rows = np.array([1]), np.ones((1, 2), np.float32)

    with pytest.raises(BadPoints, match="nothing to publish"):
        Points(ids, {})
    with pytest.raises(BadName):
        Points(ids, {"../taste": rows})


@pytest.mark.parametrize("url", ["edge://", "redis://localhost", "vectors", "https://user:secret@host"])
def test_an_url_of_no_engine_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(Unconfigured) as refusal:
        open_vectors(url)

    assert "secret" not in str(refusal.value.facts)


def test_equal_scores_come_by_id() -> None:
    same = points([[1], [1], [1], [1]], ids=[3, 5, 7, 9])

    nearest = highest(same.ids, same.vectors["taste"], np.array([2], dtype=np.float32), 3, np.array([5]))

    assert [neighbour.id for neighbour in nearest] == [3, 7, 9]
