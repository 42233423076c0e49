"""Weights are data: they come back as they were kept, and decide alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ranker.linear import DEFAULT, NAMES, Linear


def test_weights_come_back_as_they_were_kept() -> None:
    np.testing.assert_allclose(Linear.of(DEFAULT.as_dict()).weights, DEFAULT.weights, atol=1e-6)


def test_a_feature_nobody_knows_is_refused() -> None:
    with pytest.raises(KeyError, match="tempo"):
        Linear.of({"tempo": 1.0})


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_a_score_does_not_hang_on_the_other_candidates(seed: int, count: int) -> None:
    features = np.random.default_rng(seed).normal(size=(count, len(NAMES))).astype(np.float32)

    together = DEFAULT.scores(features)

    assert together.tolist() == [float(DEFAULT.scores(row[np.newaxis])[0]) for row in features]
