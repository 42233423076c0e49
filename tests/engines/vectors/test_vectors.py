"""What every vector engine does behind the port."""

import numpy as np
import pytest

from foundation.engines.vectors.port import (
    BadName,
    BadPoints,
    Neighbour,
    NothingPublished,
    Points,
    UnknownPoint,
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

    nearest = vectors.nearest(songs, np.array([1, 0.1, 0], dtype=np.float32), 2, name="taste")

    assert [neighbour.id for neighbour in nearest] == [30, 10]
    assert [neighbour.score for neighbour in nearest] == pytest.approx([3.3, 1.0])


def test_the_order_of_ids_does_not_matter(vectors: Vectors, songs: str) -> None:
    vectors.publish(songs, "1", points([[5, 0], [1, 0], [3, 0]], ids=[7, 900, 8]))

    nearest = vectors.nearest(songs, np.array([1, 0], dtype=np.float32), 3, name="taste", version="1")

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

    assert len(vectors.nearest(songs, EAST, 10, name="taste")) == 3
    assert vectors.retire(songs, keep=1) == ["1"]


def test_a_pinned_version_answers_after_a_flip(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "1", three_songs)
    vectors.publish(songs, "2", points([[9, 9, 9]], ids=[99]))
    vectors.flip(songs, "1")
    vectors.flip(songs, "2")

    assert [n.id for n in vectors.nearest(songs, EAST, 1, name="taste")] == [99]
    assert [n.id for n in vectors.nearest(songs, EAST, 1, name="taste", version="1")] == [30]


def test_which_versions_hold_a_point_is_told_of_all(
    vectors: Vectors, songs: str, three_songs: Points
) -> None:
    vectors.publish(songs, "1", three_songs)
    vectors.publish(songs, "2", points([[9, 9, 9]], ids=[30]))
    vectors.flip(songs, "2")

    assert vectors.holding(songs, np.array([10, 30, 77])) == {"1": 2, "2": 1}
    assert vectors.holding(songs, np.array([10])) == {"1": 1}
    assert vectors.holding(songs, np.array([77])) == {}


def test_flipping_back_is_a_rollback(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "1", three_songs)
    vectors.publish(songs, "2", points([[9, 9, 9]], ids=[99]))
    vectors.flip(songs, "2")
    vectors.flip(songs, "1")

    assert vectors.current(songs) == "1"
    assert [n.id for n in vectors.nearest(songs, EAST, 1, name="taste")] == [30]


def test_excluded_songs_do_not_come_back(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "1", three_songs)

    nearest = vectors.nearest(songs, EAST, 10, name="taste", excluded={30, 20, 12345}, version="1")

    assert [neighbour.id for neighbour in nearest] == [10]


def test_excluding_everything_leaves_nothing(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "1", three_songs)

    assert vectors.nearest(songs, EAST, 10, name="taste", excluded=[10, 20, 30], version="1") == []


def test_nobody_asks_for_less_than_one_song(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "1", three_songs)

    assert vectors.nearest(songs, EAST, 0, name="taste", version="1") == []


def test_recall_is_1_when_the_500_nearest_songs_are_excluded(vectors: Vectors, songs: str) -> None:
    rng = np.random.default_rng(7)
    loudness = np.exp(rng.normal(size=(2_000, 1)))
    rows = (rng.normal(size=(2_000, 16)) * loudness).astype(np.float32)
    catalogue = Points(np.arange(2_000, dtype=np.int64) * 3 + 1, {"taste": rows})
    listener = rng.normal(size=16).astype(np.float32)
    vectors.publish(songs, "1", catalogue)
    nearest_first = catalogue.ids[np.argsort(-(rows @ listener))].tolist()

    found = vectors.nearest(
        songs, listener, 100, name="taste", excluded=set(nearest_first[:500]), version="1"
    )

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
    assert len(vectors.nearest(songs, EAST, 10, name="taste", version="c")) == 3


def test_a_retired_version_says_so(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "old", three_songs)
    vectors.publish(songs, "new", three_songs)
    vectors.flip(songs, "new")
    vectors.retire(songs, keep=1)

    with pytest.raises(UnknownVersion, match="no version old"):
        vectors.nearest(songs, EAST, 10, name="taste", version="old")


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
        vectors.nearest(songs, EAST, 10, name="taste")

    assert vectors.current(songs) is None
    assert vectors.retire(songs, keep=0) == []


@pytest.mark.parametrize("vector", [[1, 0], [1, 0, 0, 0], [np.nan, 0, 0], [[1, 0, 0]]])
def test_a_vector_that_does_not_fit_is_refused(
    vectors: Vectors, songs: str, three_songs: Points, vector: list[float]
) -> None:
    vectors.publish(songs, "1", three_songs)

    with pytest.raises(BadPoints):
        vectors.nearest(songs, np.array(vector, dtype=np.float32), 1, name="taste", version="1")


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
    rows = rng.normal(size=(2_000, 16)).astype(np.float32)
    catalogue = Points(np.arange(2_000, dtype=np.int64), {"taste": rows})
    listeners = rng.normal(size=(20, 16)).astype(np.float32)
    vectors.publish(songs, "1", catalogue)

    found = [{n.id for n in vectors.nearest(songs, one, 20, name="taste", version="1")} for one in listeners]

    truth = [set(np.argsort(-(rows @ one))[:20].tolist()) for one in listeners]
    assert sum(len(mine & theirs) for mine, theirs in zip(found, truth, strict=True)) >= 0.97 * 400


def test_each_name_has_vectors_of_its_own_in_one_version(
    vectors: Vectors, songs: str, taste_and_text: Points
) -> None:
    vectors.publish(songs, "1", taste_and_text)
    vectors.flip(songs, "1")

    by_taste = vectors.nearest(songs, np.array([1, 0], np.float32), 3, name="taste")
    by_text = vectors.nearest(songs, np.array([0, 0, 1], np.float32), 3, name="text")

    assert by_taste == [Neighbour(20, 2.0), Neighbour(10, 1.0)]
    assert by_text == [Neighbour(30, 1.0), Neighbour(10, 0.5), Neighbour(20, 0.0)]


def test_a_flip_changes_all_names_at_once(vectors: Vectors, songs: str, taste_and_text: Points) -> None:
    other = Points(taste_and_text.ids + 1, taste_and_text.vectors)
    vectors.publish(songs, "1", taste_and_text)
    vectors.publish(songs, "2", other)
    vectors.flip(songs, "1")
    before = [vectors.nearest(songs, point, 1, name=name) for point, name in ((10, "taste"), (30, "text"))]
    vectors.flip(songs, "2")
    after = [vectors.nearest(songs, point, 1, name=name) for point, name in ((11, "taste"), (31, "text"))]

    assert [[neighbour.id for neighbour in found] for found in before] == [[20], [10]]
    assert [[neighbour.id for neighbour in found] for found in after] == [[21], [11]]


def test_a_point_is_not_its_own_neighbour(vectors: Vectors, songs: str, three_songs: Points) -> None:
    vectors.publish(songs, "1", three_songs)

    nearest = vectors.nearest(songs, 30, 10, name="taste", excluded=[20], version="1")

    assert nearest == [Neighbour(10, 3.0)]


def test_a_point_finds_what_its_vector_finds(vectors: Vectors, songs: str) -> None:
    rows = np.random.default_rng(5).normal(size=(2_000, 16)).astype(np.float32)
    vectors.publish(songs, "1", Points(np.arange(2_000, dtype=np.int64), {"taste": rows}))

    by_id = vectors.nearest(songs, 77, 50, name="taste", version="1")
    by_vector = vectors.nearest(songs, rows[77], 50, name="taste", excluded=[77], version="1")

    assert [neighbour.id for neighbour in by_id] == [neighbour.id for neighbour in by_vector]
    assert len(by_id) == 50


def test_a_point_without_a_vector_of_a_name_is_found_by_the_others_alone(
    vectors: Vectors, songs: str, taste_and_text: Points
) -> None:
    vectors.publish(songs, "1", taste_and_text)

    by_taste = vectors.nearest(songs, np.array([-1, 0], np.float32), 3, name="taste", version="1")

    assert 30 not in [neighbour.id for neighbour in by_taste]
    with pytest.raises(UnknownPoint, match="point 30"):
        vectors.nearest(songs, 30, 3, name="taste", version="1")


def test_a_point_or_a_name_that_is_not_there_is_refused(
    vectors: Vectors, songs: str, three_songs: Points
) -> None:
    vectors.publish(songs, "1", three_songs)

    with pytest.raises(UnknownPoint, match="point 99"):
        vectors.nearest(songs, 99, 3, name="taste", version="1")
    with pytest.raises(UnknownPoint, match="named smell"):
        vectors.nearest(songs, EAST, 3, name="smell", version="1")


def test_a_name_that_no_point_has_finds_nothing(vectors: Vectors, songs: str) -> None:
    silent = np.zeros((2, 3), np.float32)
    vectors.publish(songs, "1", Points(np.array([1, 2]), {"taste": silent, "text": silent + 1}))

    assert vectors.nearest(songs, EAST, 3, name="taste", version="1") == []
    assert len(vectors.nearest(songs, EAST, 3, name="text", version="1")) == 2


def test_every_name_is_found_in_a_large_collection_with_gaps(vectors: Vectors, songs: str) -> None:
    rng = np.random.default_rng(8)
    taste, text = (rng.normal(size=(3_000, width)).astype(np.float32) for width in (8, 16))
    taste[::3] = 0
    vectors.publish(songs, "1", Points(np.arange(3_000, dtype=np.int64), {"taste": taste, "text": text}))

    for name, rows in (("taste", taste), ("text", text)):
        asked = rng.normal(size=(20, rows.shape[1])).astype(np.float32)
        found = [{n.id for n in vectors.nearest(songs, one, 20, name=name, version="1")} for one in asked]
        truth = [set(np.argsort(-(rows @ one))[:20].tolist()) for one in asked]
        assert sum(len(mine & theirs) for mine, theirs in zip(found, truth, strict=True)) >= 0.97 * 400
