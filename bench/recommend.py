"""What one recommendation costs, beside the bare product it cannot do without: `python -m bench.recommend`."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np
import polars as pl
import threadpoolctl
from rich.console import Console
from rich.table import Table
from scipy.sparse import csr_array

from feature_store.online import Lately
from foundation.ids import SongId, UserId
from models.als.parameters import Parameters
from models.bundle import Bundle
from serving.recommend.asking import Trends
from serving.recommend.ranking import SongSpace
from serving.recommend.recommender import NOT_LATELY, Recommender
from serving.trending.schemas import Chart

COMMITTEE = Parameters()
FACTORS = COMMITTEE.factors
LISTENERS = 1000
LIMIT = 20
AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU microseconds for one listener."""

    product: float
    ranking: float
    slate: float
    encoded: float
    in_a_batch: float


def world(songs: int, heard: int, rng: np.random.Generator) -> Bundle:
    """A bundle of random tastes, in which every listener has heard `heard` songs."""
    columns = np.concatenate([np.sort(rng.choice(songs, heard, replace=False)) for _ in range(LISTENERS)])
    marks = (np.ones(len(columns), np.float32), columns, np.arange(0, len(columns) + 1, heard))
    song_ids = np.arange(1, songs + 1)
    listener_ids = np.arange(1, LISTENERS + 1)
    names = [f"Song {song}" for song in song_ids]
    return Bundle(
        version="bench",
        model="als/0",
        song_ids=song_ids,
        song_factors=rng.normal(size=(songs, FACTORS)).astype(np.float32),
        listener_ids=listener_ids,
        listener_factors=rng.normal(size=(LISTENERS, FACTORS)).astype(np.float32),
        heard=csr_array(marks, shape=(LISTENERS, songs)),
        popularity=rng.integers(0, 1000, songs),
        songs=pl.DataFrame(
            {"song_id": song_ids, "title": names, "artist_id": song_ids, "artist": names, "genre": names}
        ),
        listeners=pl.DataFrame({"listener_id": listener_ids}),
        trained_until=AT,
        parameters=COMMITTEE,
    )


def cost(songs: int, heard: int, times: int, rng: np.random.Generator) -> Cost:
    """The cost of each layer over the one below."""
    bundle = world(songs, heard, rng)
    recommender = Recommender.over(bundle, lambda *_: [])
    space, encoder = SongSpace.of(bundle.song_factors), msgspec.json.Encoder()
    asking = rng.integers(0, LISTENERS, times).tolist()
    everyone = [UserId(listener) for listener in bundle.listener_ids.tolist()]

    def slate(row: int) -> object:
        return recommender.recommend(UserId(row + 1), LIMIT, chart=Chart(), at=AT)

    def ranked(row: int) -> object:
        excluded = bundle.heard.indices[heard * row : heard * (row + 1)]
        return space.best(bundle.listener_factors[row : row + 1], [excluded], LIMIT)

    began = time.process_time()
    for _ in recommender.recommend_many(everyone, LIMIT, trends=Trends()):
        pass
    in_a_batch = (time.process_time() - began) / len(everyone) * 1e6
    return Cost(
        product=microseconds(lambda row: bundle.song_factors @ bundle.listener_factors[row], asking),
        ranking=microseconds(ranked, asking),
        slate=microseconds(slate, asking),
        encoded=microseconds(lambda row: encoder.encode(slate(row)), asking),
        in_a_batch=in_a_batch,
    )


@dataclass(frozen=True, slots=True)
class Folding:
    """CPU microseconds for one slate of a listener who has heard one new song, beside one who has not."""

    trained: float
    fold_in: float  # of the factors alone
    slate: float


def folding(songs: int, heard: int, times: int, rng: np.random.Generator) -> Folding:
    """What it costs to fold a whole history of `heard` songs in at request time."""
    bundle = world(songs, heard, rng)
    recommender = Recommender.over(bundle, lambda *_: [])
    histories = recommender.histories
    asking = rng.integers(0, LISTENERS, times).tolist()
    just_now = (histories.trained_until_ms + 1000,)
    news = [
        Lately(is_known=True, song_ids=(SongId(song),), listened_ms=just_now)
        for song in rng.integers(1, songs + 1, LISTENERS).tolist()
    ]

    def slate(row: int, lately: Lately) -> object:
        return recommender.recommend(UserId(row + 1), LIMIT, lately, chart=Chart(), at=AT)

    def folded(row: int) -> object:
        span = slice(heard * row, heard * (row + 1))
        return histories.fold_in.row(bundle.heard.indices[span], bundle.heard.data[span])

    return Folding(
        trained=microseconds(lambda row: slate(row, NOT_LATELY), asking),
        fold_in=microseconds(folded, asking),
        slate=microseconds(lambda row: slate(row, news[row]), asking),
    )


def microseconds(work: Callable[[int], object], rows: Sequence[int]) -> float:
    """CPU time of one call, on average, after a few calls to warm up."""
    for row in rows[:20]:
        work(row)
    began = time.process_time()
    for row in rows:
        work(row)
    return (time.process_time() - began) / len(rows) * 1e6


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--times", type=int, default=400)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    table = Table(title=f"CPU µs for a slate of {LIMIT} songs, {FACTORS} factors, one BLAS thread")
    for column in (
        "songs",
        "heard",
        "bare product",
        "ranked",
        "slate with reasons",
        "as JSON",
        "÷ product",
        "in a batch",
    ):
        table.add_column(column, justify="right")
    with threadpoolctl.threadpool_limits(1, "blas"):
        for songs in (20_000, 100_000):
            for heard in (50, 500):
                found = cost(songs, heard, given.times, np.random.default_rng(given.seed))
                parts = (found.product, found.ranking, found.slate, found.encoded)
                table.add_row(
                    f"{songs:,}",
                    str(heard),
                    *(f"{part:,.0f}" for part in parts),
                    f"{found.encoded / found.product:.1f}",
                    f"{found.in_a_batch:,.0f}",
                )
        folded = Table(title="CPU µs for the same slate when the listener has just heard one more song")
        for column in ("songs", "heard", "trained row", "fold-in alone", "slate with fold-in", "÷ trained"):
            folded.add_column(column, justify="right")
        for songs in (20_000, 100_000):
            for heard in (20, 100, 500):
                costs = folding(songs, heard, given.times, np.random.default_rng(given.seed))
                shown = (costs.trained, costs.fold_in, costs.slate)
                folded.add_row(
                    f"{songs:,}",
                    str(heard),
                    *(f"{part:,.0f}" for part in shown),
                    f"{costs.slate / costs.trained:.2f}",
                )
    for each in (table, folded):
        Console(width=120).print(each)


if __name__ == "__main__":
    main()
