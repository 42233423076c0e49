"""What the API serves is judged by serving's own code, whole and without each of its parts."""

import re

import numpy as np
import polars as pl
import pytest

from cli.evaluate import stages_table
from cli.evaluation_page import ASKED, MADE
from models.evaluation.datasets import Dataset, of_pairs
from models.ranker import learning
from pipelines.evaluation import served
from pipelines.evaluation.events import of_world
from pipelines.evaluation.judge import evaluate
from pipelines.evaluation.served import SERVED, Stages
from serving.recommend.asking import Wanted


def silent(_step: str, _part: float) -> None:
    """Tells nobody."""


@pytest.fixture(scope="module")
def stages(people: Dataset) -> Stages:
    before, learning.ENOUGH_TAKEN = learning.ENOUGH_TAKEN, 100
    told = Stages.of(people, progress=silent)
    learning.ENOUGH_TAKEN = before
    return told


@pytest.mark.slow
def test_lists_are_what_serving_gives_and_show_nothing_that_was_heard(people: Dataset, stages: Stages):
    lists = stages.lists(Wanted(20))

    (feed,) = stages.moment.feeds(people.rows[:1], Wanted(20))
    ids = stages.moment.recommender.bundle.song_ids
    assert ids[lists[0]].tolist() == [item.song_id for item in feed.items]
    assert stages.report(lists).means()["recall@20"] > 0  # and refuses what was heard
    artists = stages.moment.recommender.facts.artists
    assert all(np.unique(artists[row[row >= 0]], return_counts=True)[1].max() <= 3 for row in lists)


@pytest.mark.slow
def test_the_two_stages_are_better_than_what_is_most_popular(people: Dataset):
    both, popular = (evaluate(people, model, progress=silent) for model in (SERVED, "most-popular"))

    assert both.report.means()["ndcg@20"] > 1.5 * popular.report.means()["ndcg@20"]
    assert set(both.tuned.weights) <= set(learning.NAMES)
    assert both.as_dict()["model"] == SERVED


@pytest.mark.slow
def test_a_data_set_of_which_nothing_is_known_is_served_as_well():
    rng = np.random.default_rng(4)
    loved = rng.random((80, 60)) < np.where((np.arange(80)[:, None] + np.arange(60)) % 2 == 0, 0.5, 0.02)
    pairs = np.argwhere(loved)
    rows = {"listener_id": pairs[:, 0], "song_id": pairs[:, 1], "listens": np.ones(len(pairs))}
    data = of_pairs("tastes", pl.DataFrame(rows), None)

    told = evaluate(data, SERVED, progress=silent)

    assert told.report.means()["recall@20"] > 0.5


@pytest.mark.slow
def test_each_part_is_left_out_and_its_price_and_its_worth_are_told(people: Dataset):
    learnt, lines = served.ablation(people, progress=silent)
    told = {line.system: line.report for line in lines}
    table = stages_table(people, learnt, lines)

    assert told["without calibration"].character.miscalibration > told["the feed"].character.miscalibration
    assert told["without exploration"].character.coverage < told["the feed"].character.coverage
    assert told["taste alone"].character.diversity < told["the feed"].character.diversity
    assert all(line.milliseconds > 0 for line in lines)
    assert table.count("\n| ") >= len(lines)
    assert learnt.reason in table


def test_a_page_may_ask_for_the_table_of_the_stages():
    asked = re.fullmatch(ASKED, "<!-- stages world -->")

    assert asked is not None
    assert (asked["what"], asked["dataset"]) == ("stages", "world")
    assert "stages" in MADE


@pytest.mark.slow
def test_a_generated_world_is_a_task_with_a_catalog_and_countries():
    data = of_world()

    assert data.cut == "time"
    assert data.library is not None
    assert data.library.songs.height == data.past.shape[1]
    assert data.library.songs["released_on"].null_count() == 0
    assert {"DE", "GB", "BR"} <= set(data.library.listeners["country"].to_list())
