"""Every engine the vectors suite can reach, each as an empty collection of its own."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.port import Points, Vectors

ENGINES = {
    "edge": "edge://{tmp}",
    "edge with indexes": "edge://{tmp}?exact_up_to=0",
    "qdrant in process": "qdrant://:memory:",
    "qdrant": os.environ.get("TEST_QDRANT_URL"),
}


@pytest.fixture(params=ENGINES)
def vectors(request: pytest.FixtureRequest, tmp_path: Path) -> Vectors:
    url = ENGINES[request.param] or pytest.skip("set TEST_QDRANT_URL to run this suite on a Qdrant server")
    return open_vectors(url.format(tmp=tmp_path / "vectors"))


@pytest.fixture
def songs(vectors: Vectors) -> Iterator[str]:
    """A collection nobody else uses; it is empty again afterwards, but for its current version."""
    name = f"songs_{secrets.token_hex(4)}"
    yield name
    vectors.retire(name, 0)


@pytest.fixture
def three_songs() -> Points:
    return points([[1, 0, 0], [0, 2, 0], [3, 3, 0]], ids=[10, 20, 30])


@pytest.fixture
def taste_and_text() -> Points:
    """Three songs with texts; nobody has listened to the third."""
    taste = np.array([[1, 0], [2, 0], [0, 0]], np.float32)
    text = np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1]], np.float32)
    return Points(np.array([10, 20, 30]), {"taste": taste, "text": text})


def points(rows: list[list[float]], *, ids: list[int]) -> Points:
    return Points(np.array(ids, dtype=np.int64), {"taste": np.array(rows, dtype=np.float32)})
