"""Taking people, and the songs that went with them, out of everything the jobs wrote."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from event_log import forget as warehouse
from foundation.engines.vectors.edge import LET_GO_AFTER, EdgeVectors
from models import bundle as bundles
from pipelines import live
from pipelines.context import Context
from pipelines.forgetting import Gone, StillRead, forget, held
from pipelines.jobs.als_model import job as als_model
from pipelines.jobs.interactions import job as interactions
from pipelines.run import run, run_all
from pipelines.versions import Versions
from tests.pipelines.conftest import TOWN, World

pytestmark = pytest.mark.slow

WHO, SONG = 4, 104


def vectors_of(context: Context) -> EdgeVectors:
    """The engine inside the process."""
    assert isinstance(context.vectors, EdgeVectors)
    return context.vectors


def elsewhere(context: Context) -> Context:
    """The same in another process, which holds what it reads for as long as it lives."""
    return replace(context, vectors=EdgeVectors(vectors_of(context).directory))


def holding(context: Context, listener: int, song: int) -> list[str]:
    """The blobs and the files of vectors in which an id of these two stands, found by reading every one of them."""
    found = []
    for key in context.blobs.keys(""):
        data, path = context.blobs.read(key), Path(key)
        if path.suffix == ".parquet":
            rows = pl.read_parquet(data)
            for column, one in (("listener_id", listener), ("song_id", song)):
                if column in rows.columns and (rows[column] == one).any():
                    found.append(f"{key}: {column}")
        elif path.name in ("listener_ids.npy", "song_ids.npy"):
            one = listener if path.name.startswith("listener") else song
            if (np.load(io.BytesIO(data)) == one).any():
                found.append(key)
    files = list(vectors_of(context).directory.rglob("ids.npy"))
    assert files
    return found + [str(file) for file in files if (np.load(file) == song).any()]


def test_no_version_of_anything_holds_them_any_more(world: World, context: Context):
    world.settle_checkerboard_town()
    list(run_all(elsewhere(context)))
    world.listen(1, 102)
    list(run_all(elsewhere(context)))
    gone = Gone.of([WHO], [SONG])
    found = held(context.blobs, context.vectors, gone)

    forget(context, gone)

    assert held(context.blobs, context.vectors, gone) == {}
    assert holding(context, WHO, SONG) == []
    assert found == {
        "bundles": 2,
        "interactions": 2 * (TOWN // 2 - 1) * 2,
        "als_model": 2 * (TOWN // 2 - 1) * 2 + 2 + 2,
        "graph_filter": 2,
        "session_neighbours": 2 * (TOWN // 2 - 1) * 2,
        "song_texts": 1,
        "text_vectors": 1,
        "song_vectors": 2,
    }


def test_what_a_process_still_reads_keeps_them_from_being_forgotten_until_it_lets_go(
    world: World, context: Context
):
    world.settle_checkerboard_town()
    *_, published = run_all(elsewhere(context))
    now, gone = [0.0], Gone.of([WHO], [SONG])
    serving = EdgeVectors(vectors_of(context).directory, seconds=lambda: now[0])
    there = serving.nearest("songs", SONG, 1, name="als")

    with pytest.raises(StillRead, match=published.version):
        forget(context, gone)
    meanwhile = held(context.blobs, context.vectors, gone)
    serving.nearest("songs", 102, 1, name="als")  # it has moved on
    now[0] += LET_GO_AFTER
    serving.current("songs")
    forget(context, gone)

    assert there
    assert meanwhile == {"song_vectors": 1}
    assert held(context.blobs, context.vectors, gone) == {}
    assert holding(context, WHO, SONG) == []


def test_no_model_tells_of_an_artist_whose_songs_are_gone(world: World, context: Context):
    world.settle_checkerboard_town()
    list(run_all(elsewhere(context)))
    world.listen(1, 102)
    trained = list(run_all(elsewhere(context)))[2]
    page = "a\n- gaining: Nine 1 % → 2 %\nb\n"
    context.blobs.put("mlflow/als/run/artifacts/card.md", page.encode())
    versions = Versions(als_model.NAME, context.blobs)
    about = versions.newest() or {}
    moved = {"artist": "Nine", "before": 0.1, "after": 0.2}
    told = {name: value for name, value in about.items() if name != "version"}
    radius = {**told["radius"], "gaining": [moved]}  # type: ignore[dict-item]
    versions.describe(str(about["version"]), {**told, "radius": radius})
    versions.point(str(about["version"]), {**told, "radius": radius})

    forget(context, Gone.of([], [SONG]))

    left = [each["radius"] for each in (*versions.abouts(), versions.newest() or {}) if each.get("radius")]
    assert trained.name == "als_model"
    assert len(left) == 2
    assert all(each["gaining"] == [] == each["losing"] for each in left)  # type: ignore[call-overload]
    assert context.blobs.read("mlflow/als/run/artifacts/card.md") == b"a\nb\n"


def test_a_version_that_was_rolled_back_holds_them_no_longer_than_others(world: World, context: Context):
    world.settle_checkerboard_town()
    *_, first = run_all(elsewhere(context))
    world.listen(1, 102)
    list(run_all(elsewhere(context)))
    context.vectors.flip("songs", first.version)

    forget(context, Gone.of([], [SONG]))

    assert holding(context, 0, SONG) == []


def test_what_serves_is_a_new_version_that_answers_the_others_as_before(world: World, context: Context):
    world.settle_checkerboard_town()
    *_, published = run_all(context)
    before = bundles.load(published.version, context.blobs)
    model = live.model(context)

    forget(context, Gone.of([WHO], []))

    current = context.vectors.current("songs")
    assert current is not None
    assert current != published.version
    after = bundles.load(current, context.blobs)
    staying = before.listener_ids != WHO
    assert after.listener_ids.tolist() == before.listener_ids[staying].tolist()
    assert np.array_equal(after.listener_factors, before.listener_factors[staying])
    assert (after.heard.todense() == before.heard.todense()[staying]).all()
    assert np.array_equal(after.popularity, before.popularity)
    assert live.model(context) == model == context.registry().live("als")


def test_a_song_that_went_is_found_by_nobody(world: World, context: Context):
    world.settle_checkerboard_town()
    list(run_all(elsewhere(context)))

    forget(context, Gone.of([WHO], [SONG]))

    current = context.vectors.current("songs")
    assert current is not None
    bundle = bundles.load(current, context.blobs)
    for taste in bundle.listener_factors:
        near = context.vectors.nearest("songs", taste, TOWN, name="als")
        assert SONG not in {neighbour.id for neighbour in near}
    assert bundle.songs["song_id"].to_list() == bundle.song_ids.tolist()


def test_nobody_who_is_not_there_changes_anything(world: World, context: Context):
    world.settle_checkerboard_town()
    list(run_all(context))
    before = {key: context.blobs.read(key) for key in context.blobs.keys("")}

    forget(context, Gone.of([777], []))

    assert {key: context.blobs.read(key) for key in context.blobs.keys("")} == before


def test_a_model_of_before_is_published_again_without_them(world: World, context: Context):
    world.settle_checkerboard_town()
    list(run_all(context))
    first = live.model(context)
    assert first is not None
    forget(context, Gone.of([WHO], []))
    warehouse.forget(world.writer, [WHO], [])

    again = run("song_vectors", context)

    bundle = bundles.load(again.version, context.blobs)
    learnt = als_model.newest(context)
    assert bundle.model == first
    assert WHO not in bundle.listener_ids
    assert WHO not in bundle.listeners["listener_id"].to_list()
    rows = dict(zip(learnt.listener_ids.tolist()[::-1], learnt.model.listener_factors[::-1], strict=True))
    for listener, factors in zip(bundle.listener_ids.tolist(), bundle.listener_factors, strict=True):
        assert np.array_equal(rows[listener], factors)


def test_the_first_of_all_can_be_forgotten_and_the_next_run_trains_without_them(
    world: World, context: Context
):
    world.settle_checkerboard_town()
    list(run_all(elsewhere(context)))
    forget(context, Gone.of([1], [101]))
    warehouse.forget(world.writer, [1], [101])

    list(run_all(context))

    rows = interactions.newest(context).rows
    assert 1 not in rows["listener_id"].to_list()
    assert held(context.blobs, context.vectors, Gone.of([1], [])) == {}


def test_the_warehouse_keeps_its_counts_and_no_row_of_theirs(world: World):
    world.settle_checkerboard_town()
    world.import_count(WHO, 102, 9)
    world.writer.insert(
        "follows",
        [[1, "listener", WHO, True, 1], [WHO, "artist", 9, True, 1]],
        column_names=["listener_id", "kind", "target_id", "is_following", "version"],
    )
    world.writer.insert(
        "blocks", [[2, WHO, True, 1]], column_names=["listener_id", "blocked_id", "is_blocked", "version"]
    )
    days = str(world.writer.command("SELECT sum(listens) FROM song_days"))
    found = warehouse.held(world.writer, WHO, [SONG])

    warehouse.forget(world.writer, [WHO], [SONG])

    assert found == {
        "listens": TOWN // 2 - 1,
        "listener_days": 1,
        "imported_counts": 1,
        "fresh_listens": 9,
        "listeners": 1,
        "follows": 2,
        "blocks": 1,
        "listener_words": 4,  # of theirs, and what others said of them
        "songs": 1,
    }
    assert warehouse.held(world.writer, WHO, [SONG]) == {}
    assert str(world.writer.command("SELECT sum(listens) FROM song_days")) == days
    assert world.writer.command("SELECT count() FROM listens") == TOWN * (TOWN // 2 - 1) - (TOWN // 2 - 1)
