"""What the job `interactions` counts, and what jobs refuse."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from pipelines.context import Context, InputMissing, NothingHeard
from pipelines.jobs.interactions import job as interactions
from pipelines.run import UnknownJob, run
from tests.pipelines.conftest import NOON, World


def test_interactions_add_listens_and_imported_plays_of_a_pair(world: World, context: Context):
    world.listen(1, 101, times=2)
    world.import_count(1, 101, 40)
    world.import_count(2, 102, 7)

    run("interactions", context)

    last = NOON - timedelta(days=1) + timedelta(minutes=1)
    written = interactions.newest(context)
    assert written.rows.drop("listens_before").rows() == [(1, 101, 42, last), (2, 102, 7, None)]
    assert written.since == NOON - timedelta(days=1)


def test_what_was_heard_in_private_says_nothing_of_taste(world: World, context: Context):
    world.listen(1, 101)
    before = run("interactions", context)
    world.listen(1, 102, is_private=True, at=NOON - timedelta(hours=1))

    after = run("interactions", context)

    assert interactions.newest(context).rows["song_id"].to_list() == [101]
    assert (after.version, after.changed) == (before.version, False)


def test_the_last_fifth_of_the_listens_is_the_future_and_imported_plays_are_past(
    world: World, context: Context
):
    for day in range(10):
        world.listen(1, 101 + day, at=NOON - timedelta(days=10 - day))
    world.listen(1, 101)
    world.import_count(2, 102, 7)

    run("interactions", context)

    written = interactions.newest(context)
    assert written.split == NOON - timedelta(days=2)
    assert dict(
        written.rows.filter(pl.col("listener_id") == 1).select("song_id", "listens_before").rows()
    ) == {
        **{101 + day: 1 for day in range(8)},
        109: 0,
        110: 0,
    }
    assert written.rows.filter(pl.col("listener_id") == 2)["listens_before"].to_list() == [7]


def test_a_run_for_a_past_moment_leaves_the_newest_interactions_the_newest(world: World, context: Context):
    world.listen(1, 101, at=NOON - timedelta(days=3))
    world.listen(1, 102, at=NOON - timedelta(days=1))
    run("interactions", context)
    newest = interactions.newest(context)

    past = run("interactions", replace(context, at=NOON - timedelta(days=2)))

    assert past.changed
    assert past.summary.startswith("1 pairs")
    assert interactions.newest(context).version == newest.version


def test_the_future_is_a_day_at_least(world: World, context: Context):
    world.listen(1, 101, at=NOON - timedelta(days=3))
    world.listen(1, 102, at=NOON - timedelta(hours=2), times=99)

    run("interactions", context)

    assert interactions.newest(context).split == NOON - timedelta(hours=26) + timedelta(minutes=98)


def test_where_no_listen_has_a_time_there_is_no_split(world: World, context: Context):
    world.import_count(1, 101, 40)

    run("interactions", context)

    written = interactions.newest(context)
    assert (written.since, written.split) == (None, None)


def test_interactions_see_nothing_from_after_their_moment(world: World, context: Context):
    world.listen(1, 101)
    world.listen(1, 102, at=NOON)

    run("interactions", context)

    assert interactions.newest(context).rows["song_id"].to_list() == [101]


def test_a_count_that_was_imported_again_counts_as_it_is_now(world: World, context: Context):
    world.import_count(1, 101, 40)
    world.import_count(1, 101, 41)

    run("interactions", context)

    assert interactions.newest(context).rows["listens"].to_list() == [41]


def test_an_empty_world_is_told_plainly(context: Context):
    with pytest.raises(NothingHeard, match="no listens yet"):
        run("interactions", context)


@pytest.mark.parametrize("name", ["als_model", "song_vectors"])
def test_a_job_without_its_input_names_the_job_to_run(name: str, context: Context):
    with pytest.raises(InputMissing, match="first"):
        run(name, context)


def test_an_unknown_job_is_refused(context: Context):
    with pytest.raises(UnknownJob, match="interactions"):
        run("sessions", context)


def test_build_of_interactions_is_pure_and_sorted():
    told = {"listener_id": [2, 1], "song_id": [5, 6], "listens": [1, 2], "listens_before": [0, 1]}
    heard = pl.DataFrame(told).with_columns(pl.lit(NOON, pl.Datetime("ms", "UTC")).alias("last_listened_at"))
    imported = pl.DataFrame({"listener_id": [1, 1], "song_id": [6, 4], "listens": [3, 0]})

    built = interactions.build(heard, imported)

    assert built.rows() == [(1, 6, 5, 4, NOON), (2, 5, 1, 0, NOON)]
