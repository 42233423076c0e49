"""What every vector engine does behind the port."""

import numpy as np
import pytest

from foundation.engines.vectors.port import (
    BadName,
    BadPoints,
    Neighbour,
    NothingPublished,
    Points,
    UnknownVersion,
    Vectors,
)
from tests.engines.vectors.conftest import points

EAST = np.array([1, 0, 0], dtype=np.float32)


def test_the_nearest_come_by_inner_product_the_highest_first(
    vectors: Vectors, songs: str, three_songs: Points
) -> None:
    vectors.publish(songs, "1", three_songs)
    vectors.flip(songs, "1")

    nearest = vectors.nearest(songs, np.array([1, 0.1, 0], dtype=np.float32), 2)

    assert [neighbour.id for neighbour in nearest] == [30, 10]
    assert [neighbour.score for neighbour in nearest] == pytest.approx([3.3, 1.0])


def test_the_order_of_ids_does_not_matter(vectors: Vectors, songs: str) -> None:
    vectors.publish(songs, "1", points([[5, 0], [1, 0], [3, 0]], ids=[7, 900, 8]))

    nearest = vectors.nearest(songs, np.array([1, 0], dtype=np.float32), 3, version="1")

    assert nearest == [Neighbour(7, 5.0), Neighbour(8, 3.0), Neighbour(900, 1.0)]


def test_a_published_version_is_not_current_until_flipped(
    vectors: Vectors, songs: str, three_songs: Points
) -> None:
    vectors.publish(songs, "1", three_songs)
    before = vectors.current(songs)
    vectors.flip(songs, "1")

    assert (before, vectors.current(songs)) == (None, "1")


def test_publishing_the_same_version_twice_leaves_it_once(
    vectors: Vectors, songs: str, three_songs: Points
) -> None:
    vectors.publish(songs, "1", three_songs)
    vectors.publish(songs, "1", three_songs)
    vectors.publish(songs, "2", three_songs)
    vectors.flip(songs, "2")

    assert len(vectors.nearest(songs, EAST, 10)) == 3
    assert vectors.retire(songs, keep=1) == ["1"]


def test_a_pinned_version_answers_after_a_flip(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "1", three_songs)
    vectors.publish(songs, "2", points([[9, 9, 9]], ids=[99]))
    vectors.flip(songs, "1")
    vectors.flip(songs, "2")

    assert [n.id for n in vectors.nearest(songs, EAST, 1)] == [99]
    assert [n.id for n in vectors.nearest(songs, EAST, 1, version="1")] == [30]


def test_flipping_back_is_a_rollback(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "1", three_songs)
    vectors.publish(songs, "2", points([[9, 9, 9]], ids=[99]))
    vectors.flip(songs, "2")
    vectors.flip(songs, "1")

    assert vectors.current(songs) == "1"
    assert [n.id for n in vectors.nearest(songs, EAST, 1)] == [30]


def test_excluded_songs_do_not_come_back(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "1", three_songs)

    nearest = vectors.nearest(songs, EAST, 10, excluded={30, 20, 12345}, version="1")

    assert [neighbour.id for neighbour in nearest] == [10]


def test_excluding_everything_leaves_nothing(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "1", three_songs)

    assert vectors.nearest(songs, EAST, 10, excluded=[10, 20, 30], version="1") == []


def test_nobody_asks_for_less_than_one_song(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "1", three_songs)

    assert vectors.nearest(songs, EAST, 0, version="1") == []


def test_recall_is_1_when_the_500_nearest_songs_are_excluded(vectors: Vectors, songs: str) -> None:
    rng = np.random.default_rng(7)
    loudness = np.exp(rng.normal(size=(2_000, 1)))
    catalogue = Points(
        np.arange(2_000, dtype=np.int64) * 3 + 1, (rng.normal(size=(2_000, 16)) * loudness).astype(np.float32)
    )
    listener = rng.normal(size=16).astype(np.float32)
    vectors.publish(songs, "1", catalogue)
    nearest_first = catalogue.ids[np.argsort(-(catalogue.vectors @ listener))].tolist()

    found = vectors.nearest(songs, listener, 100, excluded=set(nearest_first[:500]), version="1")

    assert [neighbour.id for neighbour in found] == nearest_first[500:600]


def test_only_the_newest_and_the_current_versions_are_kept(
    vectors: Vectors, songs: str, three_songs: Points
) -> None:
    for version in ("b", "a", "d", "c"):
        vectors.publish(songs, version, three_songs)
    vectors.flip(songs, "b")

    retired = vectors.retire(songs, keep=1)

    assert sorted(retired) == ["a", "d"]
    assert vectors.current(songs) == "b"
    assert len(vectors.nearest(songs, EAST, 10, version="c")) == 3


def test_a_retired_version_says_so(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "old", three_songs)
    vectors.publish(songs, "new", three_songs)
    vectors.flip(songs, "new")
    vectors.retire(songs, keep=1)

    with pytest.raises(UnknownVersion, match="no version old"):
        vectors.nearest(songs, EAST, 10, version="old")


def test_a_flip_to_a_version_nobody_published_is_refused(
    vectors: Vectors, songs: str, three_songs: Points
) -> None:
    vectors.publish(songs, "1", three_songs)
    vectors.flip(songs, "1")

    with pytest.raises(UnknownVersion, match="no version 2"):
        vectors.flip(songs, "2")

    assert vectors.current(songs) == "1"


def test_an_empty_collection_says_so(vectors: Vectors, songs: str) -> None:
    with pytest.raises(NothingPublished):
        vectors.nearest(songs, EAST, 10)

    assert vectors.current(songs) is None
    assert vectors.retire(songs, keep=0) == []


@pytest.mark.parametrize("vector", [[1, 0], [1, 0, 0, 0], [np.nan, 0, 0], [[1, 0, 0]]])
def test_a_vector_that_does_not_fit_is_refused(
    vectors: Vectors, songs: str, three_songs: Points, vector: list[float]
) -> None:
    vectors.publish(songs, "1", three_songs)

    with pytest.raises(BadPoints):
        vectors.nearest(songs, np.array(vector, dtype=np.float32), 1, version="1")


@pytest.mark.parametrize("name", ["", "../songs", "Songs", "a__b", "a/b", "_a", "x" * 200])
def test_a_collection_has_a_plain_name(vectors: Vectors, three_songs: Points, name: str) -> None:
    with pytest.raises(BadName):
        vectors.publish(name, "1", three_songs)


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a__b", "1\n", "x" * 200])
def test_a_version_has_a_plain_name(vectors: Vectors, songs: str, three_songs: Points, name: str) -> None:
    with pytest.raises(BadName):
        vectors.publish(songs, name, three_songs)


def test_what_is_nearest_is_found_in_a_large_collection(vectors: Vectors, songs: str) -> None:
    rng = np.random.default_rng(8)
    catalogue = Points(np.arange(2_000, dtype=np.int64), rng.normal(size=(2_000, 16)).astype(np.float32))
    listeners = rng.normal(size=(20, 16)).astype(np.float32)
    vectors.publish(songs, "1", catalogue)

    found = [{n.id for n in vectors.nearest(songs, one, 20, version="1")} for one in listeners]

    truth = [set(np.argsort(-(catalogue.vectors @ one))[:20].tolist()) for one in listeners]
    assert sum(len(mine & theirs) for mine, theirs in zip(found, truth, strict=True)) >= 0.97 * 400
