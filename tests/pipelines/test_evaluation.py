"""The platform's own events as a task, systems judged on it, and what is kept of that."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foundation.contracts.history import ARTISTS, LISTENERS, PLAYS, SONGS, History
from models.evaluation.datasets import Dataset, of_pairs, of_sequences
from pipelines.context import Context, NothingHeard
from pipelines.evaluation.ablation import ablation
from pipelines.evaluation.events import of_history, of_platform
from pipelines.evaluation.judge import MODELS, NoSuchModel, evaluate
from pipelines.evaluation.plots import pictures
from tests.pipelines.conftest import NOON, World


def silent(_step: str, _part: float) -> None:
    """Tells nobody."""


@pytest.fixture(scope="module")
def tastes() -> Dataset:
    """Two kinds of listeners, each with songs of their kind: four fifths of the pairs are known."""
    rng = np.random.default_rng(4)
    loved = rng.random((80, 60)) < np.where((np.arange(80)[:, None] + np.arange(60)) % 2 == 0, 0.5, 0.02)
    rows = pl.DataFrame(np.argwhere(loved), schema=["listener_id", "song_id"]).with_columns(
        listens=pl.Series(rng.integers(1, 30, int(loved.sum()))).cast(pl.Float64)
    )
    return of_pairs("tastes", rows, None, published={"somebody": {"recall@20": 0.1, "ndcg@20": 0.1}})


def test_the_platforms_listens_are_parted_by_time_and_private_ones_left_out(context: Context, world: World):
    for hour in range(10):
        world.listen(1, 100 + hour, at=NOON - timedelta(hours=48 - hour))
    world.listen(1, 500, at=NOON - timedelta(hours=30), is_private=True)
    world.listen(1, 100, at=NOON - timedelta(hours=20))
    world.describe(range(100, 110), range(1, 2))

    data = of_platform(context)

    assert data.past.listens.nnz == 9
    assert data.relevant.nnz == 1
    assert data.repeats is not None
    assert data.repeats.nnz == 1
    assert data.kinds is not None
    assert set(data.kinds.tolist()) == {0}


def test_play_counts_without_times_are_past_and_alone_they_are_parted_at_random(
    context: Context, world: World
):
    for song in range(10):
        world.import_count(1, 200 + song, 3)

    alone = of_platform(context)
    for hour in range(5):
        world.listen(1, 100 + hour, at=NOON - timedelta(hours=48 - hour))
    with_listens = of_platform(context)

    assert alone.cut == "random"
    assert (alone.past.listens.nnz, alone.relevant.nnz) == (8, 2)
    assert with_listens.cut == "time"
    assert (with_listens.past.listens.nnz, with_listens.relevant.nnz) == (14, 1)


def test_a_platform_without_listens_says_so(context: Context, world: World):
    with pytest.raises(NothingHeard, match="no listens yet"):
        of_platform(context)


def test_a_history_is_a_task_and_short_plays_are_skips():
    songs = [f"s{number}" for number in range(10)]
    told = History(
        source="own",
        listeners=pl.DataFrame({"external_id": ["u"], "country": [""]}, schema=LISTENERS),
        artists=pl.DataFrame({"external_id": ["a"], "name": ["A"], "country": [""]}, schema=ARTISTS),
        songs=pl.DataFrame(
            {"external_id": songs, "artist_external_id": "a", "title": songs, "album": "", "genre": "jazz"}
        )
        .with_columns(song_ms=pl.lit(None, pl.UInt32), released_on=pl.lit(None, pl.Date))
        .cast(dict(SONGS)),
        plays=pl.DataFrame(
            {
                "play_id": [bytes(16)] * 10,
                "listener_external_id": "u",
                "song_external_id": songs,
                "started_at": [NOON + timedelta(hours=hour) for hour in range(10)],
                "played_ms": [1_000, *[60_000] * 9],
                "reason": "",
                "is_private": False,
            }
        ).cast(dict(PLAYS)),
    )

    data = of_history("own", told)

    assert data.past.listens.nnz == 7
    assert data.relevant.nnz == 2


@pytest.mark.parametrize("model", ["segue", "als", "paths", "item-knn", "most-popular"])
def test_every_system_is_judged_with_all_measures(tastes: Dataset, model: str):
    told = evaluate(tastes, model, progress=silent).as_dict()

    assert told["model"] == model
    metrics, seconds = told["metrics"], told["seconds"]
    assert isinstance(metrics, dict)
    assert isinstance(seconds, dict)
    assert {"recall@20", "ndcg@20", "map@10", "mrr@5", "hit@10", "precision@50"} <= metrics.keys()
    assert all(0 <= value <= 1 for value in metrics.values())
    assert seconds.keys() == {"train", "score"}


def test_the_blend_is_better_than_most_popular_and_the_same_for_the_same_seed(tastes: Dataset):
    segue, again, popular = (
        evaluate(tastes, model, progress=silent) for model in ("segue", "segue", "most-popular")
    )

    assert segue.report.means()["ndcg@10"] > 1.2 * popular.report.means()["ndcg@10"]
    assert segue.tuned.weights == again.tuned.weights
    np.testing.assert_array_equal(segue.report.values["ndcg@20"], again.report.values["ndcg@20"])


def test_tuning_one_model_chooses_among_its_parameters(tastes: Dataset):
    told = evaluate(tastes, "paths", is_tuned=True, progress=silent)

    assert len(told.tuned.alone) > 3
    (name,) = told.tuned.weights
    assert told.tuned.alone[name] == max(told.tuned.alone.values())


def test_a_past_too_small_to_choose_by_gets_one_retriever():
    data = of_pairs(
        "two",
        pl.DataFrame({"listener_id": [1, 2], "song_id": [1, 2], "listens": [1.0, 1.0]}),
        pl.DataFrame({"listener_id": [1], "song_id": [2], "listens": [1.0]}),
    )

    told = evaluate(data, progress=silent)

    assert len(told.tuned.weights) == 1
    assert told.report.means()["recall@5"] == 1


def test_a_model_that_we_do_not_have_or_that_learns_from_order_is_refused(tastes: Dataset):
    with pytest.raises(NoSuchModel, match=MODELS[1]):
        evaluate(tastes, "oracle", progress=silent)
    with pytest.raises(NoSuchModel, match="in order"):
        evaluate(tastes, "transitions", progress=silent)


def test_what_comes_next_is_learnt_from_order():
    rng = np.random.default_rng(2)
    circles = [[(start + step) % 40 for step in range(int(rng.integers(5, 30)))] for start in range(40)] * 3
    data = of_sequences("circles", circles)

    ordered, plain = (evaluate(data, model, progress=silent) for model in ("transitions", "most-popular"))

    assert ordered.report.means()["hit@5"] > 0.9 > plain.report.means()["hit@5"]


def test_the_ablation_leaves_each_family_out_and_tries_it_alone(tastes: Dataset):
    lines = {line.system: line for line in ablation(tastes, progress=silent)}

    assert {"the blend", "without als", "als alone", "without low-pass", "most-popular alone"} <= lines.keys()
    assert "sessions alone" not in lines
    assert all(line.milliseconds > 0 for line in lines.values())


def test_an_evaluation_is_kept_in_mlflow_with_its_plots(context: Context, tastes: Dataset, tmp_path: Path):
    told = evaluate(tastes, "paths", progress=silent)
    registry = context.registry()

    run = registry.record(
        "evaluation",
        "paths on tastes",
        at=NOON,
        parameters={"dataset": "tastes", **told.tuned.weights},
        metrics=told.report.means(),
        files={f"plots/{name}": content for name, content in pictures(told).items()},
    )

    kept = registry.client.get_run(run)
    assert kept.data.metrics["recall_20"] == told.report.means()["recall@20"]
    assert kept.info.status == "FINISHED"
    plots = {found.path for found in registry.client.list_artifacts(run, "plots")}
    assert plots == {"plots/lengths.png", "plots/cohorts.png", "plots/published.png"}
