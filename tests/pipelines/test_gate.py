"""The gate in the jobs: what it judges by, what it refuses, and which model is chosen to be published."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import numpy as np
import polars as pl
import pytest

from models.als.training import Parameters, train
from models.evaluation.gate import LIVE
from models.interactions import Interactions
from pipelines import live
from pipelines.context import Context, InputMissing
from pipelines.jobs.als_model import job as als_model
from pipelines.jobs.als_model.job import NothingPassed
from pipelines.jobs.als_model.judging import NEW, Contest, Rival, contest
from pipelines.jobs.als_model.plots import pictures
from pipelines.jobs.als_model.radius import Fit, radius
from pipelines.jobs.interactions.job import Written
from pipelines.run import JobResult, run, run_all
from tests.pipelines.conftest import NOON, World

CITY = 60  # listeners and songs: enough for the gate to be sure
SMALL = Parameters(members=(4,), regularisation=1.0)
NERVOUS = Parameters(members=(32,), regularisation=0.01)  # sees patterns where there are none
DEAF = Parameters(members=(4,), iterations=0)  # learns nothing, ranks by chance


def city(*, is_timed: bool = True) -> Written:
    """Even listeners love even songs and heard most of them; what is left they hear in the future."""
    rng = np.random.default_rng(7)
    pairs = [
        (one, other, int(rng.random() < 0.75))
        for one in range(CITY)
        for other in range(CITY)
        if (one - other) % 2 == 0
    ]
    rows = pl.DataFrame(
        pairs, schema=["listener_id", "song_id", "listens_before"], orient="row"
    ).with_columns(pl.lit(1).alias("listens"))
    split = NOON - timedelta(days=7) if is_timed else None
    return Written("city", NOON - timedelta(days=30) if is_timed else None, NOON, split, rows)


def crowd() -> Written:
    """Nobody has a taste: all hear what is famous."""
    rng = np.random.default_rng(3)
    fame = 1 / np.arange(1, 201)
    pairs = [
        (listener, int(song), int(place < 25))
        for listener in range(300)
        for place, song in enumerate(rng.choice(200, 30, replace=False, p=fame / fame.sum()))
    ]
    rows = pl.DataFrame(pairs, schema=["listener_id", "song_id", "listens_before"], orient="row")
    return replace(city(), rows=rows.with_columns(pl.lit(1).alias("listens")))


def judged(source: Written, parameters: Parameters = SMALL, rival: Rival | None = None) -> Contest:
    return contest(source, parameters, rival, lambda part: None)


def test_listeners_are_judged_by_what_they_first_heard_later():
    held = judged(city())

    future = city().rows.filter(pl.col("listens_before") == 0)
    assert held.split == NOON - timedelta(days=7)
    assert held.trial.relevant.nnz == future.height
    assert held.trial.train.listens.nnz == city().rows.height - future.height
    assert held.ruling.is_passed


def test_nothing_that_was_heard_before_is_recommended():
    held = judged(city())

    for row, songs in zip(held.trial.rows, held.lists[NEW], strict=True):
        heard = held.trial.train.listens[[row]].indices
        assert not np.intersect1d(songs, heard).size


def test_where_nothing_has_a_time_random_rows_are_held_out():
    held = judged(city(is_timed=False))

    assert held.split is None
    assert held.trial.relevant.nnz == pytest.approx(0.2 * city().rows.height, rel=0.05)
    assert "at random" in held.how


def test_where_too_few_have_a_future_random_rows_are_held_out():
    quiet = city().rows.with_columns(pl.col("listens_before").clip(lower_bound=1))

    assert judged(replace(city(), rows=quiet)).split is None


def test_a_worse_challenger_is_refused():
    held = judged(city(), DEAF, Rival("als/1", SMALL, rows=10))

    assert not held.ruling.is_passed
    assert "worse than the live model" in held.ruling.reason


def test_the_same_recipe_passes_and_is_not_trained_twice():
    told: list[float] = []

    held = contest(city(), SMALL, Rival("als/1", SMALL, rows=10), told.append)

    assert held.ruling.is_passed
    assert held.ruling.gains[LIVE].mean == 0
    assert len(told) == SMALL.iterations


def test_a_better_challenger_passes():
    held = judged(city(), SMALL, Rival("als/1", DEAF, rows=10))

    assert held.ruling.is_passed
    assert held.ruling.gains[LIVE].low > 0


def test_in_a_world_where_all_follow_the_crowd_a_model_is_refused():
    held = judged(crowd(), NERVOUS)

    assert not held.ruling.is_passed
    assert "most popular" in held.ruling.reason


def test_each_cohort_is_judged_by_all_systems_over_the_same_listeners():
    held = judged(city(), SMALL, Rival("als/1", DEAF, rows=10))

    sizes = {name: {len(each) for each in systems.values()} for name, systems in held.cohorts.items()}
    assert sizes.keys() == {"new", "light", "heavy", "head", "middle", "tail"}
    assert all(len(of_system) == 1 for of_system in sizes.values())
    assert sum(len(held.cohorts[name][NEW]) for name in ("new", "light", "heavy")) == CITY
    assert held.metrics()["heavy_gain_over_live_low"] > 0
    assert {"knn_ndcg_20", "tail_knn_ndcg_20", "head_judged"} <= held.metrics().keys()


def test_the_lists_of_two_models_are_laid_side_by_side():
    rows = city().rows
    matrix = Interactions.of(rows)
    fits = [Fit(matrix.listener_ids, matrix.song_ids, train(matrix.listens, each)) for each in (SMALL, DEAF)]
    artists = pl.DataFrame(
        {"song_id": range(CITY), "artist_id": [song % 2 for song in range(CITY)], "artist": "A"}
    ).with_columns(artist=pl.concat_str(pl.lit("artist "), "artist_id"))

    same = radius("als/1", fits[0], fits[0], rows, artists, np.random.default_rng(0))
    other = radius("als/1", fits[0], fits[1], rows, artists, np.random.default_rng(0))

    assert (same.listeners, same.overlap, same.churn) == (CITY, 1.0, 0.0)
    assert other.overlap < 0.9
    assert {each.artist for each in (*other.gaining, *other.losing)} <= {"artist 0", "artist 1"}
    assert min(other.milliseconds, other.live_milliseconds) > 0


def test_the_same_seed_gives_the_same_contest():
    assert judged(city()).metrics() == judged(city()).metrics()


@pytest.mark.slow
def test_every_contest_is_drawn():
    drawn = pictures(judged(city(), SMALL, Rival("als/1", DEAF, rows=10)))

    assert set(drawn) == {"quality.png", "popularity.png", "cohorts.png"}
    assert all(picture.startswith(b"\x89PNG") for picture in drawn.values())


@pytest.mark.slow
def test_the_run_the_summary_and_the_files_say_what_the_gate_said(world: World, context: Context):
    settle(world, city())

    done = everything(context)

    trained = done["als_model"]
    about = json.loads(context.blobs.read(f"als_model/{trained.version}/about.json"))
    tags = context.registry().client.get_model_version(*about["registered"].split("/")).tags
    told = context.registry().client.get_run(
        context.registry().client.get_model_version(*about["registered"].split("/")).run_id
    )
    assert about["is_passed"]
    assert about["judged_by"] == "what was first listened to from 2026-02-27 12:00 on"
    assert about["reason"] in trained.summary
    assert tags["segue.gate"] == told.data.tags["segue.gate"] == "passed"
    assert told.data.metrics["gain_over_popular_low"] > 0
    assert told.data.metrics["judged"] == CITY
    assert {"seconds_judging", "seconds_training", "seconds_reading"} <= set(told.data.metrics)
    assert "passed" in told.data.tags["mlflow.note.content"]
    assert done["song_vectors"].changed


@pytest.mark.slow
def test_when_the_newest_is_refused_the_earlier_model_stays_live(world: World, context: Context):
    settle(world, city())
    first = everything(context)
    before = live.model(context)
    world.listen(1, 101)

    second = everything(replace(context, als=DEAF))

    assert "REFUSED" in second["als_model"].summary
    assert live.model(context) == before
    assert context.vectors.current("songs") == first["song_vectors"].version
    assert not second["song_vectors"].changed


@pytest.mark.slow
def test_before_anything_flips_the_job_and_a_promotion_say_what_would_change(world: World, context: Context):
    settle(world, city())
    first = everything(context)["als_model"]
    world.listen(1, 101)

    second = run("interactions", context), run("als_model", replace(context, als=DEAF))
    about = json.loads(context.blobs.read(f"als_model/{second[1].version}/about.json"))
    known = context.registry().client.get_model_version(*about["registered"].split("/"))
    page = context.registry().blobs.read(f"{card_of(context, known.run_id)}/card.md").decode()
    tried = als_model.beside_live(context, about["registered"])

    assert "overlap@20" not in first.summary
    assert f"beside {live.model(context)} overlap@20" in second[1].summary
    assert about["radius"]["listeners"] == CITY
    assert tried is not None
    assert tried.overlap == pytest.approx(about["radius"]["overlap"])
    assert als_model.beside_live(context, live.model(context) or "") is None
    for heading in ("# Model", "## How good", "## For whom", "## What would change", "## How long it took"):
        assert heading in page
    assert "item-kNN" in page
    assert "songs of the tail" in page
    assert context.registry().client.get_run(known.run_id).data.metrics["overlap_20"] == tried.overlap


@pytest.mark.slow
def test_a_first_model_that_is_no_better_than_most_popular_is_not_published(world: World, context: Context):
    settle(world, crowd())

    with pytest.raises(NothingPassed, match="was refused"):
        everything(replace(context, als=NERVOUS))

    assert context.vectors.current("songs") is None


@pytest.mark.slow
def test_a_world_that_lost_most_of_its_data_is_refused(world: World, context: Context):
    settle(world, city())
    everything(context)
    world.writer.command("DELETE FROM listens WHERE listener_id > 20")

    run("interactions", context)
    trained = run("als_model", context)

    assert "data are missing" in trained.summary


@pytest.mark.slow
def test_interactions_newer_than_any_model_ask_for_training_first(world: World, context: Context):
    settle(world, city())
    everything(context)
    world.listen(1, 101)
    run("interactions", context)

    with pytest.raises(InputMissing, match="run the job als_model first"):
        run("song_vectors", context)


@pytest.mark.slow
def test_a_model_keeps_the_rows_it_learnt_from(world: World, context: Context):
    settle(world, city())
    first = everything(context)["interactions"]
    known = als_model.learnt_from(context, als_model.chosen(context, first.version)).height
    world.listen(1, 102)

    second = everything(replace(context, als=DEAF))["interactions"]

    still = als_model.chosen(context, second.version)
    assert still.interactions_version == first.version
    assert als_model.learnt_from(context, still).height == known


def card_of(context: Context, run: str) -> str:
    registry = context.registry()
    return str(registry.client.get_run(run).info.artifact_uri).removeprefix(registry.blobs_url + "/")


def everything(context: Context) -> dict[str, JobResult]:
    """Every job's result, by its name."""
    return {result.name: result for result in run_all(context)}


def settle(world: World, source: Written) -> None:
    """Everybody hears what the past holds a week ago, and the rest yesterday."""
    world.describe(range(101, 101 + CITY), range(1, 1 + CITY))
    columns = ["play_id", "listener_id", "song_id", "listened_at", "played_ms", "source", "origin"]
    heard = source.rows.select("listener_id", "song_id", "listens_before").rows()
    rows = [
        [
            UUID(int=number),
            1 + listener,
            101 + song,
            NOON - timedelta(days=7 if before else 1),
            60_000,
            "organic",
            "",
        ]
        for number, (listener, song, before) in enumerate(heard, start=1)
    ]
    world.writer.insert("listens", rows, column_names=columns)
