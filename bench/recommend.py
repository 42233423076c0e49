"""What a feed costs, live and kept, and how much the index finds: `python -m bench.recommend --songs 50000`.

Tastes and songs are random points around genres; popular songs are longer, as factors are. Every second listener who is
measured has heard exactly the 500 songs nearest to them. What is built is kept in a cache folder, and built once.

A feed needs some three hundred candidates of taste; hnswlib, where it is installed, is asked for the twenty songs of a list
and as many more as the listener has heard, with the smallest search that finds .99 of the ten nearest.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import threadpoolctl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.sparse import csr_array

from feature_store.online import Lately
from feature_store.wishes import Preferences, Wishes
from foundation.contracts.tables import SongVectors
from foundation.engines.blobs import open_blobs
from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.port import Points
from foundation.ids import SongId, UserId
from foundation.settings import Settings
from models import bundle as bundles
from models.als.parameters import Parameters
from models.arrays import Factors, Positions
from models.bundle import Bundle
from models.content import NEIGHBOURS, Content
from models.diversity.choosing import PLAIN
from models.exploration.drawing import Budget
from models.graph_filter import VECTORS, GraphFilter
from models.ranker.linear import Linear
from serving.bundle import COLLECTION
from serving.lifespan import loader
from serving.recommend.asking import Asker, Trends, Wanted
from serving.recommend.history import NOTHING
from serving.recommend.kept import KeptFeeds
from serving.recommend.recommender import NOT_LATELY, Feed, Recommender
from serving.recommend.retrieval import TASTE
from serving.recommend.schemas import encoded

COMMITTEE = Parameters(members=(64,), regularisation=5.0)
FACTORS = COMMITTEE.factors
GENRES, SONGS_OF_AN_ARTIST = 40, 12
HEARD, NEAREST_HEARD = 60, 500
LIMIT, JUDGED = 20, 10
ENOUGH = 0.99  # of the ten nearest, that a peer finds them
ROUNDS = 3
EXPLICIT = 0.1  # of all songs, which some listeners are not to be given
AT = datetime(2026, 1, 1, tzinfo=UTC)


def world(songs: int, listeners: int, measured: int, rng: np.random.Generator) -> Bundle:
    """A bundle in which the first `measured` listeners are those who ask."""
    middles = rng.normal(size=(GENRES, FACTORS)).astype(np.float32)
    genre = rng.integers(GENRES, size=songs)
    lengths = rng.lognormal(0, 0.4, (songs, 1)).astype(np.float32)
    song_factors = (middles[genre] + rng.normal(size=(songs, FACTORS)).astype(np.float32)) * lengths
    song_factors /= np.linalg.norm(song_factors, axis=1).mean()
    tastes = middles[rng.integers(GENRES, size=listeners)] + rng.normal(size=(listeners, FACTORS)).astype(
        np.float32
    )
    tastes /= np.linalg.norm(tastes, axis=1, keepdims=True)
    columns = [np.sort(rng.choice(songs, HEARD, replace=False)) for _ in range(listeners)]
    for row in range(0, measured, 2):
        scores = song_factors @ tastes[row]
        columns[row] = np.sort(np.argpartition(-scores, NEAREST_HEARD)[:NEAREST_HEARD])
    ends = np.cumsum([0, *map(len, columns)])
    heard = csr_array(
        (np.ones(ends[-1], np.float32), np.concatenate(columns), ends), shape=(listeners, songs)
    )
    ids = np.arange(1, songs + 1)
    table = pl.DataFrame(
        {
            "song_id": ids,
            "title": [f"Song {song}" for song in ids],
            "artist_id": ids // SONGS_OF_AN_ARTIST + 1,
            "genre": [f"genre {each}" for each in genre],
            "is_explicit": rng.random(songs) < EXPLICIT,
        }
    ).with_columns(artist=pl.format("Artist {}", "artist_id"))
    return Bundle(
        version=_version(songs, listeners, measured),
        model="als/0",
        song_ids=ids,
        song_factors=np.ascontiguousarray(song_factors, np.float32),
        listener_ids=np.arange(1, listeners + 1),
        listener_factors=np.ascontiguousarray(tastes, np.float32),
        heard=heard,
        popularity=(lengths[:, 0] * 100).astype(np.int64),
        songs=table,
        listeners=pl.DataFrame({"listener_id": np.arange(1, listeners + 1)}),
        trained_until=AT,
        parameters=COMMITTEE,
        content=Content(
            rng.integers(0, songs, (songs, NEIGHBOURS)).astype(np.int32),
            rng.random((songs, NEIGHBOURS)).astype(np.float32),
        ),
        graph_filter=GraphFilter.of(
            np.abs(rng.normal(size=(songs, VECTORS))).astype(np.float32), np.diff(heard.tocsc().indptr)
        ),
        needs=np.where(rng.random(songs) < min(1, 5_000 / songs), 3, 0).astype(np.int8),
    )


def _version(songs: int, listeners: int, measured: int) -> str:
    return f"bench3-{songs}-{listeners}-{measured}"


def published(folder: Path, songs: int, listeners: int, measured: int, seed: int) -> Recommender:
    """The recommender over what is in the folder, which is made where it is not."""
    vectors, blobs = open_vectors(f"edge://{folder}/vectors"), open_blobs(f"file://{folder}/blobs")
    version = _version(songs, listeners, measured)
    if vectors.current(COLLECTION) != version:
        began = time.monotonic()
        bundle = world(songs, listeners, measured, np.random.default_rng(seed))
        bundles.save(bundle, blobs)
        vectors.publish(COLLECTION, version, Points(bundle.song_ids, {SongVectors.als: bundle.song_factors}))
        vectors.flip(COLLECTION, version)
        print(f"{songs:,} songs, {listeners:,} listeners made in {time.monotonic() - began:.0f} s")
    return loader(vectors, blobs)(version)


@dataclass(frozen=True, slots=True)
class Timed:
    """Many calls: CPU microseconds of one on average, and the milliseconds within which half and 99 of 100 are answered."""

    cpu: float
    p50: float
    p99: float


def timed(work: Callable[[int], object], rows: Sequence[int]) -> Timed:
    """After a few calls to warm up."""
    for row in rows[:20]:
        work(row)
    walls, began = [], time.process_time()
    for row in rows:
        start = time.perf_counter()
        work(row)
        walls.append(1e3 * (time.perf_counter() - start))
    cpu = (time.process_time() - began) / len(rows) * 1e6
    p50, p99 = np.percentile(walls, [50, 99])
    return Timed(cpu, float(p50), float(p99))


@dataclass(frozen=True, slots=True)
class Asking:
    """The listeners who are measured, each of whom has just heard one more song."""

    recommender: Recommender
    rows: list[int]
    news: list[Lately]

    @classmethod
    def of(cls, recommender: Recommender, measured: int, rng: np.random.Generator) -> "Asking":
        just_now = (recommender.histories.trained_until_ms + 1_000,)
        songs = rng.integers(1, len(recommender.bundle.song_ids) + 1, measured).tolist()
        news = [Lately(is_known=True, song_ids=(SongId(song),), listened_ms=just_now) for song in songs]
        return cls(recommender, list(range(measured)), news)

    def live(self, row: int) -> bytes:
        """Fold-in, candidates, filters, ranking, diversity, exploring, reasons, JSON."""
        return self._answer(self._feed(row, self.news[row]))

    def trained(self, row: int) -> bytes:
        """The same of somebody who has heard nothing new."""
        return self._answer(self._feed(row, NOT_LATELY))

    def kept(self) -> Callable[[int], bytes]:
        """The same where nothing has changed since a list was made."""
        store = KeptFeeds()
        for row in self.rows:
            store.keep(row, 7, 0.0, self._feed(row, self.news[row]))

        def answer(row: int) -> bytes:
            feed = store.of(row, 7, 1.0)
            assert feed is not None
            return self._answer(feed)

        return answer

    def _feed(self, row: int, lately: Lately) -> Feed:
        wanted = Wanted(LIMIT, budget=Budget(), seed=row)
        return self.recommender.feed(UserId(row + 1), lately, wanted, trends=Trends(), at=AT)

    def _answer(self, feed: Feed) -> bytes:
        return encoded(self.recommender.slate(feed, at=AT))


def recall(asking: Asking, rows: Sequence[int]) -> float:
    """The part of the exact nearest unheard songs that a plain list by taste has."""
    recommender = asking.recommender
    bundle = replace(recommender.bundle, ranker=Linear.of({"taste": 1.0}))
    plain = replace(recommender, bundle=bundle)
    found = 0
    for row in rows:
        wanted = Wanted(JUDGED, dials=PLAIN)
        feed = plain.feed(UserId(row + 1), asking.news[row], wanted, trends=Trends(), at=AT)
        history = plain.histories.history(UserId(row + 1), asking.news[row], AT)
        assert history.taste is not None
        places = np.searchsorted(bundle.song_ids, [item.song_id for item in feed.items])
        found += _of_the_best(bundle, history.taste, history.heard, places)
    return found / (JUDGED * len(rows))


def _of_the_best(bundle: Bundle, taste: Factors, heard: Positions, places: Positions) -> int:
    """How many of these songs are among the ten best unheard ones."""
    scores = bundle.song_factors @ taste
    scores[heard] = -np.inf
    least = np.partition(scores, -JUDGED)[-JUDGED]
    return int((scores[places[:JUDGED]] >= least * (1 - 1e-6)).sum())


def nearest_alone(asking: Asking) -> dict[str, Callable[[int], object]]:
    """The candidates of taste that a feed asks for: of all songs, without those heard, and without explicit ones beside."""
    recommender, bundle = asking.recommender, asking.recommender.bundle
    shy = replace(NOT_LATELY, wishes=Wishes(preferences=Preferences(allows_explicit=False)))
    rules = recommender.ruled_by(None)

    def asker(row: int, lately: Lately) -> Asker:
        return recommender.asker(UserId(row + 1), lately, Wanted(LIMIT), trends=Trends(), at=AT, rules=rules)

    askers = {row: asker(row, NOT_LATELY) for row in asking.rows}
    shy_ones = {row: asker(row, shy) for row in asking.rows}
    everyone = {
        row: replace(each, history=replace(each.history, heard=NOTHING)) for row, each in askers.items()
    }

    def nearest(of: dict[int, Asker]) -> Callable[[int], object]:
        return lambda row: recommender.nearest_songs(bundle.listener_factors[row], of[row], TASTE)

    return {
        f"index alone, {TASTE} of all songs": nearest(everyone),
        "index alone, without the heard": nearest(askers),
        "index alone, nor explicit ones": nearest(shy_ones),
    }


def exact(bundle: Bundle) -> Callable[[int], object]:
    """The product with every song."""

    def best(row: int) -> NDArray[np.int64]:
        scores = bundle.song_factors @ bundle.listener_factors[row]
        scores[_heard(bundle, row)] = -np.inf
        return np.argpartition(-scores, LIMIT)[:LIMIT]

    return best


class Peer:
    """hnswlib over the same factors."""

    def __init__(self, bundle: Bundle, folder: Path) -> None:
        """Builds the graph, or loads what was built. Raises ImportError where hnswlib is not installed."""
        import hnswlib  # noqa: PLC0415 - a peer that need not be there

        self.bundle, self.index = bundle, hnswlib.Index(space="ip", dim=FACTORS)
        kept = folder / f"{bundle.version}-hnswlib.bin"
        if kept.exists():
            self.index.load_index(str(kept))
        else:
            began = time.monotonic()
            self.index.init_index(len(bundle.song_ids), ef_construction=100, M=16)
            self.index.add_items(bundle.song_factors, num_threads=2)
            self.index.save_index(str(kept))
            print(f"hnswlib's graph (M 16, ef_construction 100) built in {time.monotonic() - began:.0f} s")
        self.index.set_num_threads(1)

    def nearest(self, row: int, ef: int) -> Positions:
        """The twenty nearest songs that the listener has not heard: as many more are asked for, and the heard dropped."""
        heard = _heard(self.bundle, row)
        wanted = LIMIT + len(heard)
        self.index.set_ef(max(ef, wanted))
        labels, _ = self.index.knn_query(self.bundle.listener_factors[row : row + 1], k=wanted)
        found = labels[0].astype(np.int64)
        return found[~np.isin(found, heard)][:LIMIT]

    def recall(self, rows: Sequence[int], ef: int) -> float:
        """The part of the ten exactly nearest that are found."""
        bundle = self.bundle
        found = [
            _of_the_best(bundle, bundle.listener_factors[row], _heard(bundle, row), self.nearest(row, ef))
            for row in rows
        ]
        return sum(found) / (JUDGED * len(rows))

    def search(self, rows: Sequence[int]) -> tuple[int, float]:
        """The smallest search that finds .99 of them, or the largest that is tried, and what it finds."""
        for ef in (64, 100, 200, 400, 800, 1_600):
            found = self.recall(rows, ef)
            if found >= ENOUGH:
                break
        return ef, found


def _heard(bundle: Bundle, row: int) -> NDArray[np.int32]:
    return bundle.heard.indices[bundle.heard.indptr[row] : bundle.heard.indptr[row + 1]]


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(prog="python -m bench.recommend", description=__doc__)
    arguments.add_argument("--songs", type=int, default=50_000)
    arguments.add_argument("--listeners", type=int, default=5_000)
    arguments.add_argument("--times", type=int, default=200, help="requests, each by another listener")
    arguments.add_argument(
        "--cache", type=Path, help="where what is built is kept; default: SEGUE_HOME/cache"
    )
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    kept = (given.cache or Settings().home / "cache").resolve() / "bench-recommend"
    kept.mkdir(parents=True, exist_ok=True)
    with threadpoolctl.threadpool_limits(1, "blas"):
        recommender = published(kept, given.songs, given.listeners, given.times, given.seed)
        asking = Asking.of(recommender, given.times, np.random.default_rng(given.seed))
        near, far = asking.rows[::2], asking.rows[1::2]
        groups = {f"{NEAREST_HEARD} nearest heard": near, f"{HEARD} others heard": far}
        works: list[tuple[str, Callable[[int], object], list[int], float | None]] = [
            ("kept: nothing has changed since", asking.kept(), asking.rows, None),
            ("nothing heard since training", asking.trained, asking.rows, None),
        ]
        works += [(f"live, {who}", asking.live, rows, recall(asking, rows)) for who, rows in groups.items()]
        for who, rows in groups.items():
            works += [(f"{what}, {who}", work, rows, None) for what, work in nearest_alone(asking).items()]
        works.append(("exact product (numpy)", exact(recommender.bundle), asking.rows, 1.0))
        try:
            peer = Peer(recommender.bundle, kept)
        except ImportError:
            print("hnswlib is not installed: it is left out")
        else:
            for who, rows in groups.items():
                ef, found = peer.search(rows)
                works.append((f"hnswlib, ef {ef}, {who}", partial(peer.nearest, ef=ef), rows, found))
        Console(width=120).print(table_of(given, works))


def table_of(
    given: argparse.Namespace, works: Sequence[tuple[str, Callable[[int], object], list[int], float | None]]
) -> Table:
    """Each in turns of a few rounds: the best of them, for other work on the machine can only add."""
    table = Table(title=f"{given.songs:,} songs, {given.listeners:,} listeners, a slate of {LIMIT}")
    for column in ("what", "CPU µs", "p50 ms", "p99 ms", f"recall@{JUDGED}"):
        table.add_column(column, justify="left" if column == "what" else "right")
    costs = [[timed(work, rows) for _, work, rows, _ in works] for _ in range(ROUNDS)]
    for (what, _, _, found), rounds in zip(works, zip(*costs, strict=True), strict=True):
        cost = min(rounds, key=lambda each: each.cpu)
        told = "" if found is None else f"{found:.4f}"
        table.add_row(what, f"{cost.cpu:,.0f}", f"{cost.p50:.2f}", f"{cost.p99:.2f}", told)
    return table


if __name__ == "__main__":
    main()
