"""How good the recommendations are on a folder of real history: `python -m bench.evaluation FOLDER`.

Prints the tables of docs/evaluation.md. What Segue serves is judged through the code that serves: held-in rows become
a bundle as the jobs make it, and the lists come from the recommender that the API uses.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from catalog_api.imports import recognise
from foundation.clock import utc_now
from foundation.contracts.history import History
from foundation.contracts.tables import Interactions as Columns
from foundation.contracts.tables import Listens
from foundation.errors import Problem
from foundation.ids import UserId
from models.als.training import Parameters, train
from models.arrays import Factors, Positions
from models.cooccurrence.item_knn import item_knn
from models.evaluation.baselines import most_popular
from models.evaluation.batch import MEASURES, bootstrap
from models.evaluation.ranking import inner_products
from models.evaluation.splits import by_time, random_rows
from models.evaluation.trial import Trial, Verdict
from models.interactions import Interactions, positions
from pipelines.context import Schema
from pipelines.jobs.als_model.job import Trained
from pipelines.jobs.song_vectors import job as song_vectors
from pipelines.jobs.text_vectors import job as text_vectors
from serving.recommend.asking import Trends
from serving.recommend.recommender import Recommender

K = 20
SHARE = 0.2  # of the rows is held out
COUNTS_FROM = 30_000  # milliseconds from which a play is a listen, where no length is known
PLAIN = Parameters(members=(32,), regularisation=0.1, weighting="binary", alpha=10.0, damping=0.0)
Split = tuple[pl.DataFrame, pl.DataFrame]  # to learn from, held out
System = Callable[[Trial, pl.DataFrame, int], Positions]  # lists for the judged listeners


def popular_lists(trial: Trial, _rows: pl.DataFrame, _seed: int) -> Positions:
    """What most people know."""
    return trial.lists(most_popular(trial.train.listens), K)


def neighbour_lists(trial: Trial, _rows: pl.DataFrame, _seed: int) -> Positions:
    """What is heard by the same people."""
    return trial.lists(item_knn(trial.train.listens), K)


def plain_lists(trial: Trial, _rows: pl.DataFrame, seed: int) -> Positions:
    """Alternating least squares as the library gives it."""
    model = train(trial.train.listens, replace(PLAIN, seed=seed))
    return trial.lists(inner_products(model.listener_factors, model.song_factors), K)


def served_lists(trial: Trial, rows: pl.DataFrame, seed: int) -> Positions:
    """What the API answers: the jobs' bundle, and the recommender over it."""
    learnt, parameters = Interactions.of(rows), Parameters(seed=seed)
    trained = Trained(
        version="trial",
        registered="als/0",
        interactions_version="trial",
        until=datetime(2026, 1, 1, tzinfo=UTC),
        parameters=parameters,
        listener_ids=learnt.listener_ids,
        song_ids=learnt.song_ids,
        model=train(learnt.listens, parameters),
    )
    bundle = song_vectors.build("trial", rows, trained, _dimensions(learnt), text_vectors.Vectors.none())
    recommender = Recommender.over(bundle, _nobody)
    asked = [UserId(listener) for listener in trial.train.listener_ids[trial.rows].tolist()]
    lists = np.full((len(asked), K), -1, dtype=np.int64)
    feeds = (feed for some in recommender.recommend_many(asked, K, trends=Trends()) for feed in some)
    for row, feed in enumerate(feeds):
        songs = np.array([item.song_id for item in feed.items], dtype=np.int64)
        lists[row, : len(songs)] = positions(trial.train.song_ids, songs)
    return lists


SYSTEMS: Mapping[str, System] = {
    "most popular": popular_lists,
    "item-kNN (cosine, 200 neighbours)": neighbour_lists,
    "plain ALS (32 factors, binary 10, reg 0.1)": plain_lists,
    "Segue, as served": served_lists,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One system over all seeds: its verdict on each trial, and the seconds a trial took."""

    system: str
    verdicts: list[tuple[Trial, Verdict]]
    seconds: float

    def per_listener(self, measure: str) -> NDArray[np.float64]:
        """Each listener's mean over the trials that judged them: listeners, not trials, are what was sampled."""
        who = np.concatenate([trial.train.listener_ids[trial.rows] for trial, _ in self.verdicts])
        values = np.concatenate([verdict.measures[measure] for _, verdict in self.verdicts])
        _, row = np.unique(who, return_inverse=True)
        means: NDArray[np.float64] = np.bincount(row, values) / np.bincount(row)
        return means


def evaluated(splits: list[tuple[int, Split]]) -> Iterator[Line]:
    """Every system on every split."""
    trials = [(seed, Trial.of(*split), split[0]) for seed, split in splits]
    for name, system in SYSTEMS.items():
        began = time.monotonic()
        verdicts = [(trial, trial.judge(system(trial, rows, seed), K)) for seed, trial, rows in trials]
        yield Line(name, verdicts, (time.monotonic() - began) / len(trials))


def splits_of(folder: Path, seeds: int) -> tuple[str, list[tuple[int, Split]]]:
    """What is held out, in words, and the splits: the folder's own, by time, or random rows, as the folder allows."""
    numbers = range(1, seeds + 1)
    if (folder / "data1.txt").is_file():
        fixed = _triples(folder / "data1.txt"), _triples(folder / "test1.txt")
        return "the folder's own split", [(seed, fixed) for seed in numbers]
    history = recognise.read(folder, now=utc_now()).history
    if history.counts.is_empty():
        listens = _listens(history)
        until = listens[Listens.listened_at].sort()[round(listens.height * (1 - SHARE))]
        parted = by_time(listens, until)
        return f"first listens from {until:%Y-%m-%d} on", [(seed, parted) for seed in numbers]
    rows = _numbered(history.counts).rename({"plays": Columns.listens})
    told = f"{SHARE:.0%} of {rows.height:,} rows, at random"
    return told, [(seed, random_rows(rows, SHARE, np.random.default_rng(seed))) for seed in numbers]


def table_of(lines: Sequence[Line]) -> Table:
    """The mean of each measure over listeners with its 95 % interval, and what the lists are like as a whole."""
    table = Table(box=box.MARKDOWN)
    for heading in (
        "system",
        *(f"{name.upper()}@{K}" for name in MEASURES),
        "songs shown",
        "known to",
        "seconds",
    ):
        table.add_column(heading, no_wrap=True)
    for line in lines:
        estimates = [bootstrap(line.per_listener(name), np.random.default_rng(0)) for name in MEASURES]
        table.add_row(
            line.system,
            *(f"{each.mean:.3f} ({each.low:.3f}–{each.high:.3f})" for each in estimates),
            f"{np.mean([verdict.coverage for _, verdict in line.verdicts]):.1%}",
            f"{np.mean([verdict.popularity for _, verdict in line.verdicts]):.1%}",
            f"{line.seconds:.1f}",
        )
    return table


def main() -> int:
    """Judge every system on one folder."""
    parser = argparse.ArgumentParser(prog="python -m bench.evaluation", description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="anything that ./segue import reads, or a split of the LightGCN code"
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many splits and models; 3 by default")
    asked = parser.parse_args()
    try:
        held_out, splits = splits_of(asked.folder, asked.seeds)
    except Problem as problem:
        print(problem.detail, file=sys.stderr)
        return 1
    print(f"{asked.folder.name}: {held_out}; seeds 1 to {len(splits)}")
    Console(width=200).print(table_of(list(evaluated(splits))))
    return 0


def _dimensions(learnt: Interactions) -> song_vectors.Dimensions:
    """A catalog in which every song and listener is named by its number."""
    songs = pl.DataFrame({"song_id": learnt.song_ids, "artist_id": learnt.song_ids}).with_columns(
        pl.col("song_id").cast(pl.String).alias("title"), pl.col("artist_id").cast(pl.String).alias("artist")
    )
    listeners = pl.DataFrame({"listener_id": learnt.listener_ids})
    return song_vectors.Dimensions(
        _completed(songs, song_vectors.SONGS),
        _completed(listeners, song_vectors.LISTENERS),
        pl.DataFrame(schema=song_vectors.SHOWN),
    )


def _completed(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    missing = [
        pl.lit("" if kind == pl.String else None, kind).alias(name)
        for name, kind in schema.items()
        if name not in frame.columns
    ]
    return frame.with_columns(missing).select(*schema)


def _nobody(_vector: Factors, _limit: int, _excluded: Positions) -> list[int]:
    raise NotImplementedError("a catalogue of this size is ranked exactly, without the vector engine")


def _triples(path: Path) -> pl.DataFrame:
    """Rows of listener, song and count, with tabs between them."""
    columns = {Columns.listener_id: pl.Int64, Columns.song_id: pl.Int64, Columns.listens: pl.Float64}
    return pl.read_csv(path, separator="\t", has_header=False, schema=columns).cast(
        {Columns.listens: pl.Int64}
    )


def _listens(history: History) -> pl.DataFrame:
    """The plays of at least 30 seconds, with numbers for ids."""
    heard = history.plays.filter(pl.col("played_ms") >= COUNTS_FROM)
    return _numbered(heard).rename({"started_at": Listens.listened_at})


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a number for each external id."""
    return rows.with_columns(
        pl.col("listener_external_id").rank("dense").cast(pl.Int64).alias(Columns.listener_id),
        pl.col("song_external_id").rank("dense").cast(pl.Int64).alias(Columns.song_id),
    )


if __name__ == "__main__":
    sys.exit(main())
