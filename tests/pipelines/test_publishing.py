"""All jobs on real engines: what they publish, that a second run changes nothing, and that a broken one is mended."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from models import bundle as bundles
from pipelines.catalog import JOBS
from pipelines.context import Context
from pipelines.jobs.song_vectors import job as song_vectors
from pipelines.run import JobResult, run, run_all
from tests.pipelines.conftest import NOON, TOWN, World

pytestmark = pytest.mark.slow


def versions(results: Sequence[JobResult]) -> dict[str, str]:
    """Of each job that makes one: what is online has none, and that job says when it ran."""
    return {result.name: result.version for result in results if result.name != "online_features"}


def test_a_second_run_of_everything_changes_nothing(world: World, context: Context):
    world.settle_checkerboard_town()

    first = list(run_all(context))
    kept = everything_in(context)
    second = list(run_all(replace(context, at=NOON + timedelta(hours=1))))

    assert [result.changed for result in first] == [True] * len(JOBS)
    assert [result.changed for result in second] == [False] * len(JOBS)
    assert versions(second) == versions(first)
    assert everything_in(context) == kept


def test_what_serves_is_the_model_of_the_town(world: World, context: Context):
    world.settle_checkerboard_town()

    *_, published = run_all(context)
    bundle = bundles.load(published.version, context.blobs)

    assert context.vectors.current("songs") == published.version
    assert bundle.model == context.registry().live("als")
    for row, listener in enumerate(bundle.listener_ids):
        heard = bundle.song_ids[bundle.heard[[row]].indices]
        taste = bundle.listener_factors[row]
        nearest = context.vectors.nearest("songs", taste, 1, name="als", excluded=heard.tolist())
        assert nearest[0].id == listener + 100


def test_a_bundle_knows_names_popularity_and_listeners_without_history(world: World, context: Context):
    world.settle_checkerboard_town()
    world.import_count(1, 103, 5)

    *_, published = run_all(context)
    bundle = bundles.load(published.version, context.blobs)

    assert bundle.songs["song_id"].to_list() == bundle.song_ids.tolist() == list(range(101, 101 + TOWN))
    assert bundle.songs["title"][2] == "Song 103"
    assert bundle.popularity[2] == TOWN // 2 - 1 + 5
    assert bundle.listener_ids.tolist() == list(range(1, 1 + TOWN))
    assert bundle.listeners["listener_id"].to_list() == list(range(1, 2 + TOWN))
    assert bundle.heard.dtype == np.float32
    assert bundle.heard.nnz == TOWN * (TOWN // 2 - 1)
    assert bundle.heard[[0], [2]] == 1 + 5
    assert bundle.trained_until == NOON


def test_a_bundle_knows_which_songs_several_people_play_together(world: World, context: Context):
    world.describe(range(101, 107), range(1, 4))
    for listener in (1, 2, 3):
        for number, song in enumerate((101, 102, 103)):
            world.listen(listener, song, at=NOON - timedelta(days=2) + timedelta(minutes=number))
    world.listen(1, 104, at=NOON - timedelta(days=2) + timedelta(minutes=3))  # nobody else plays it with them
    for listener in (1, 2):
        world.listen(listener, 105, at=NOON - timedelta(days=1))  # not in one sitting with the others
        world.listen(listener, 106, is_private=True, at=NOON - timedelta(days=1))

    *_, published = run_all(context)
    bundle = bundles.load(published.version, context.blobs)

    near = {
        int(bundle.song_ids[row]): sorted(bundle.song_ids[places[places >= 0]].tolist())
        for row, places in enumerate(bundle.together.session_neighbours)
        if (places >= 0).any()
    }
    assert near == {101: [102, 103], 102: [101, 103], 103: [101, 102]}
    assert 0 < bundle.together.session_weights.max() < 1


def test_the_filter_of_a_bundle_tells_the_two_kinds_of_the_town_apart(world: World, context: Context):
    world.settle_checkerboard_town()
    world.listen(1, 999)  # a song that the catalog does not know

    *_, published = run_all(context)
    bundle = bundles.load(published.version, context.blobs)

    places = np.arange(len(bundle.song_ids))
    for row in range(len(bundle.listener_ids)):
        heard = bundle.heard[[row]]
        asked = bundle.graph_filter.row(heard.indices.astype(np.int64), heard.data)
        assert asked is not None
        scores = bundle.graph_filter.scores(places, asked)
        scores[heard.indices] = -np.inf
        assert bundle.song_ids[scores.argmax()] == bundle.listener_ids[row] + 100


def test_songs_the_catalog_does_not_know_are_left_out(world: World, context: Context):
    world.settle_checkerboard_town()
    world.listen(1, 999)
    world.listen(77, 999)

    *_, published = run_all(context)
    bundle = bundles.load(published.version, context.blobs)

    assert 999 not in bundle.song_ids
    assert 77 not in bundle.listener_ids


def test_a_song_nobody_heard_is_published_and_never_comes_up_by_taste(world: World, context: Context):
    world.settle_checkerboard_town()
    world.describe(range(201, 204), range(0))

    *_, published = run_all(context)
    bundle = bundles.load(published.version, context.blobs)
    by_taste = [
        neighbour.id
        for taste in bundle.listener_factors
        for neighbour in context.vectors.nearest("songs", taste, TOWN + 3, name="als")
    ]
    by_text = context.vectors.nearest("songs", 202, 2, name="text")

    assert bundle.song_ids.tolist()[-3:] == [201, 202, 203]
    assert not bundle.song_factors[-3:].any()
    assert bundle.popularity[-3:].tolist() == [0, 0, 0]
    assert set(by_taste) == set(range(101, 101 + TOWN))
    assert len(by_text) == 2


def test_vectors_that_find_too_little_are_not_flipped_to(
    world: World, context: Context, monkeypatch: pytest.MonkeyPatch
):
    world.settle_checkerboard_town()
    monkeypatch.setattr(song_vectors, "FAITHFUL", 1.1)

    with pytest.raises(song_vectors.VectorsUnfaithful, match="by taste and 100% by text"):
        list(run_all(context))

    assert context.vectors.current("songs") is None


def test_a_new_listen_makes_new_versions_and_old_ones_go(world: World, context: Context):
    world.settle_checkerboard_town()
    published = []
    for song in range(102, 107):
        world.listen(1, song)
        published.append(list(run_all(context))[-1].version)

    assert context.vectors.current("songs") == published[-1]
    assert bundles.versions(context.blobs) == sorted(published[-song_vectors.KEPT :])
    assert len(set(published)) == len(published)


def test_a_renamed_song_is_published_without_training_again(world: World, context: Context):
    world.settle_checkerboard_town()
    before = list(run_all(context))
    columns = ["song_id", "title", "artist_id", "artist", "origin", "external_id", "version"]
    world.writer.insert("songs", [[101, "Renamed", 9, "Nine", "old", "s101", 2]], column_names=columns)

    after = list(run_all(context))
    bundle = bundles.load(after[-1].version, context.blobs)

    assert [result.name for result in after if result.changed] == [
        "song_texts",
        "text_vectors",
        "song_vectors",
    ]
    assert bundle.songs["title"][0] == "Renamed"
    assert bundle.model == bundles.load(before[-1].version, context.blobs).model


def test_a_song_that_left_the_catalog_leaves_the_bundle_without_training_again(
    world: World, context: Context
):
    world.settle_checkerboard_town()
    list(run_all(context))
    world.remove_song(103)

    changed = {result.name: result.changed for result in run_all(context)}

    assert changed == {
        "reports": False,
        "interactions": False,
        "session_neighbours": False,
        "graph_filter": False,
        "als_model": False,
        "song_texts": True,
        "text_vectors": True,
        "ranker": False,
        "online_features": False,
        "song_vectors": True,
    }
    bundle = bundles.load(run("song_vectors", context).version, context.blobs)
    assert 103 not in bundle.song_ids
    assert len(bundle.song_ids) == TOWN - 1


def test_a_flip_undone_by_hand_is_done_again(world: World, context: Context):
    world.settle_checkerboard_town()
    first = list(run_all(context))[-1]
    world.listen(1, 102)
    second = list(run_all(context))[-1]
    context.vectors.flip("songs", first.version)

    third = run("song_vectors", context)

    assert third.version == second.version == context.vectors.current("songs")
    assert third.changed


def test_a_job_that_died_before_its_pointer_is_repeated_without_a_second_registration(
    world: World, context: Context
):
    world.settle_checkerboard_town()
    before = list(run_all(context))
    model = json.loads(context.blobs.read("als_model/newest.json"))["registered"]
    context.blobs.delete("als_model/newest.json")

    again = run("als_model", context)

    assert again.changed
    assert again.version == {result.name: result.version for result in before}["als_model"]
    assert json.loads(context.blobs.read("als_model/newest.json"))["registered"] == model


def test_a_world_of_one_listener_and_one_song_works(world: World, context: Context):
    world.describe(range(101, 102), range(1, 2))
    world.listen(1, 101)

    *_, published = run_all(context)

    assert published.changed


def test_progress_is_told(world: World, context: Context):
    world.settle_checkerboard_town()
    told: list[tuple[str, float]] = []

    list(run_all(replace(context, progress=lambda step, part: told.append((step, part)))))

    assert {
        "counting listens",
        "counting sessions",
        "filtering",
        "training",
        "registering",
        "collecting texts",
        "embedding texts",
        "learning the ranker",
        "writing listeners back",
        "publishing",
    } == {step for step, _ in told if not step.startswith("reporting")}
    assert all(0 <= part <= 1 for _, part in told)


def everything_in(context: Context) -> dict[str, bytes]:
    return {key: context.blobs.read(key) for key in context.blobs.keys()}  # noqa: SIM118 - keys is a method of Blobs
