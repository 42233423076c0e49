"""A bundle comes back as it was saved, or not at all."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from foundation.engines.blobs import BlobMissing, Blobs, open_blobs
from models import bundle as bundles
from models.als.parameters import Parameters
from models.bundle import Bundle, BundleDamaged, BundleOutdated
from models.content import Content
from models.graph_filter import GraphFilter
from models.ranker.linear import Linear
from models.together import Together


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(f"file://{tmp_path}")


def small_bundle(version: str = "v1") -> Bundle:
    return Bundle(
        version=version,
        model="als/3",
        song_ids=np.array([4, 7, 9]),
        song_factors=np.arange(6, dtype=np.float32).reshape(3, 2),
        listener_ids=np.array([1, 2]),
        listener_factors=np.ones((2, 2), dtype=np.float32),
        heard=sp.csr_array(np.array([[1.0, 0.0, 4.0], [0.0, 12.0, 0.0]], dtype=np.float32)),
        popularity=np.array([5, 1, 12]),
        songs=pl.DataFrame({"song_id": [4, 7, 9], "title": ["a", "b", "ç"]}),
        listeners=pl.DataFrame({"listener_id": [1, 2, 3], "country": ["NL", "", "JP"]}),
        trained_until=datetime(2026, 3, 1, 12, tzinfo=UTC),
        parameters=Parameters(members=(1, 1), alpha=3.5, weighting="binary"),
        content=Content.of(
            np.eye(3, dtype=np.float32), np.arange(6, dtype=np.float32).reshape(3, 2), np.arange(3)
        ),
        together=Together.of(sp.csr_array(np.array([[0, 0.5, 0.25], [0.5, 0, 0], [0.25, 0, 0]])), 2),
        graph_filter=GraphFilter.of(np.arange(6, dtype=np.float32).reshape(3, 2), np.array([2, 0, 1])),
        needs=np.array([3, 0, 1], np.int8),
        ranker=Linear.of({"taste": 2.0}),
    )


def test_what_was_saved_is_what_is_loaded(blobs: Blobs):
    saved = small_bundle()

    bundles.save(saved, blobs)
    loaded = bundles.load("v1", blobs)

    for field in fields(Bundle):
        before, after = getattr(saved, field.name), getattr(loaded, field.name)
        match before:
            case np.ndarray():
                np.testing.assert_array_equal(after, before)
                assert after.dtype == before.dtype
            case pl.DataFrame():
                assert after.equals(before)
            case sp.csr_array():
                assert (after != before).nnz == 0
                assert after.dtype == before.dtype
            case Content() | Together() | GraphFilter():
                for part in fields(before):
                    np.testing.assert_array_equal(getattr(after, part.name), getattr(before, part.name))
            case Linear():
                assert after.as_dict() == before.as_dict()
            case _:
                assert after == before


def test_content_of_some_songs_names_no_other():
    texts = np.array([[1, 0], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3]], np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    whole = Content.of(texts, np.array([[1, 0], [1, 0], [0, 0], [0, 0]], np.float32), np.array([1, 1, 0, 0]))

    part = whole.of_songs(np.array([0, 3]), 4)

    assert (whole.placed.tolist(), part.placed.tolist()) == ([2, 3], [1])
    assert {tuple(row[row >= 0].tolist()) for row in part.neighbours} == {(1,), (0,)}
    assert not part.likeness[part.neighbours < 0].any()


def test_a_bundle_from_before_there_were_sessions_and_a_filter_is_loaded_without_them(blobs: Blobs):
    bundles.save(small_bundle(), blobs)
    manifest = json.loads(blobs.read("bundles/v1/manifest.json"))
    for part in (Together, GraphFilter):
        for each in fields(part):
            del manifest["sha256"][f"{each.name}.npy"]
    del manifest["ranker"]["together"], manifest["ranker"]["filter"]
    blobs.put("bundles/v1/manifest.json", json.dumps(manifest).encode())

    old = bundles.load("v1", blobs)

    assert old.together.session_neighbours.size == 0
    assert old.together.around(np.array([0, 1]))[0].tolist() == []
    assert old.graph_filter.row(np.array([0, 1]), np.ones(2, np.float32)) is None
    assert old.ranker.as_dict() == small_bundle().ranker.as_dict()


def test_what_is_played_together_of_some_songs_names_no_other():
    beside = sp.csr_array(np.array([[0, 0.5, 0.25], [0.5, 0, 0], [0.25, 0, 0]]))

    part = Together.of(beside, 2).of_songs(np.array([0, 2]), 3)

    assert part.session_neighbours.tolist() == [[-1, 1], [0, -1]]
    assert part.session_weights.tolist() == [[0.0, 0.25], [0.25, 0.0]]


def test_the_filter_of_some_songs_says_of_them_what_that_of_all_says():
    whole = small_bundle().graph_filter
    kept = np.array([0, 2])

    part = whole.of_songs(kept)

    listens = np.array([3.0], np.float32)
    before, after = whole.row(np.array([2]), listens), part.row(np.array([1]), listens)
    assert before is not None
    assert after is not None
    assert part.scores(np.arange(2), after).tolist() == whole.scores(kept, before).tolist()


def test_a_bundle_without_a_manifest_is_not_there(blobs: Blobs):
    bundles.save(small_bundle(), blobs)
    blobs.delete("bundles/v1/manifest.json")

    with pytest.raises(BlobMissing):
        bundles.load("v1", blobs)


def test_a_changed_byte_is_noticed(blobs: Blobs):
    bundles.save(small_bundle(), blobs)
    content = bytearray(blobs.read("bundles/v1/song_factors.npy"))
    content[-1] ^= 1
    blobs.put("bundles/v1/song_factors.npy", bytes(content))

    with pytest.raises(BundleDamaged, match="song_factors"):
        bundles.load("v1", blobs)


@pytest.mark.parametrize("part", ["parameters", "ranker"])
def test_a_bundle_of_an_earlier_segue_says_what_to_do(blobs: Blobs, part: str):
    bundles.save(small_bundle(), blobs)
    manifest = json.loads(blobs.read("bundles/v1/manifest.json"))
    del manifest[part]
    blobs.put("bundles/v1/manifest.json", json.dumps(manifest).encode())

    with pytest.raises(BundleOutdated, match="segue job --all"):
        bundles.load("v1", blobs)


def test_a_deleted_bundle_leaves_nothing_and_the_others_alone(blobs: Blobs):
    bundles.save(small_bundle("v1"), blobs)
    bundles.save(small_bundle("v2"), blobs)

    bundles.delete("v1", blobs)

    assert bundles.versions(blobs) == ["v2"]
    assert all(key.startswith("bundles/v2/") for key in blobs.keys())  # noqa: SIM118 - a method of Blobs
