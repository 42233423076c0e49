"""A look into a few cells finds what a look at every vector finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.engines.vectors.cells import Cells, highest_of
from foundation.engines.vectors.port import Ids, Matrix

VECTORS, WANTED = 40_000, 300
NOBODY = np.array([], np.int64)


def around_middles(seed: int) -> tuple[Matrix, Matrix]:
    """Vectors around 40 middles, long and short ones, and 30 who ask, each from near a middle."""
    chance = np.random.default_rng(seed)
    middles = chance.normal(size=(40, 32))
    vectors = middles[chance.integers(40, size=VECTORS)] + chance.normal(size=(VECTORS, 32))
    vectors *= chance.lognormal(0, 0.4, (VECTORS, 1))
    asking = middles[chance.integers(40, size=30)] + chance.normal(size=(30, 32))
    return vectors.astype(np.float32), asking.astype(np.float32)


@pytest.mark.parametrize("out", [0, 500], ids=["nothing is left out", "the 500 nearest are left out"])
def test_nearly_all_of_the_highest_are_found(out: int) -> None:
    vectors, asking = around_middles(1)
    cells = Cells.of(vectors)

    found, first = 0, 0
    for one in asking:
        best = np.argsort(-(vectors @ one))
        barred, wanted = np.sort(best[:out]), best[out : out + WANTED]
        seen = cells.highest(one, WANTED, barred)
        assert seen is not None
        assert len(seen) == len(set(seen.tolist())) >= WANTED
        assert not set(seen.tolist()) & set(barred.tolist())
        found += np.isin(wanted, seen).sum()
        first += np.isin(wanted[:10], seen).sum()

    assert first / (10 * len(asking)) >= 0.99
    assert found / (WANTED * len(asking)) >= 0.97


def test_the_same_vectors_have_the_same_cells() -> None:
    vectors, _ = around_middles(2)

    once, twice = Cells.of(vectors), Cells.of(vectors)

    np.testing.assert_array_equal(once.rows, twice.rows)
    np.testing.assert_array_equal(once.vectors, vectors[once.rows])
    assert np.diff(once.starts).sum() == len(vectors)


def test_where_too_few_are_left_nobody_pretends_to_have_found_them() -> None:
    vectors, asking = around_middles(3)

    assert Cells.of(vectors).highest(asking[0], 10, NOBODY, lambda rows: np.ones(len(rows), np.bool_)) is None


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 30_000), st.integers(1, 400), st.sampled_from([0.0, 0.3, 0.99])
)
def test_the_highest_of_many_products_are_those_of_a_sort(
    seed: int, count: int, limit: int, part: float
) -> None:
    chance = np.random.default_rng(seed)
    products = chance.normal(size=count).astype(np.float32)
    is_barred = chance.random(count) < part

    def is_out(places: Ids) -> np.ndarray:
        return is_barred[places]

    found = highest_of(products, limit, is_out)

    allowed = np.flatnonzero(~is_barred & (products > 0))
    if len(allowed) < limit:
        assert found is None
    else:
        assert found is not None
        assert set(found.tolist()) == set(
            allowed[np.argsort(-products[allowed], kind="stable")[:limit]].tolist()
        )
