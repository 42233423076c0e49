"""What an iteration of ALS costs us, plain `implicit` and, on a sample, Spark MLlib: `python -m bench.train`.

Listeners differ in how much they listen and songs in how popular they are, both with a long tail; half of what somebody
hears is of a genre of their own. Each contender trains one member in a process of its own, one after another, and
iterations are timed from the end of the first. Ours and `implicit` begin with the same factors, and both end with the exact
step for the listeners that a member ends with. Spark needs Java 17.
"""

import argparse
import math
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import scipy.sparse as sp
import threadpoolctl
from implicit.cpu.als import AlternatingLeastSquares
from rich.console import Console
from rich.table import Table

from models.als.confidence import confidence
from models.als.parameters import Parameters
from models.als.training import train
from models.arrays import Factors, Matrix

LISTENERS, SONGS, PLAYS = 200_000, 100_000, 13_850_000
GENRES = 40
AT_ONCE = 200_000  # pairs whose scores are computed at once
KIBIBYTE, MEGABYTE = 1_024, 1_000_000


@dataclass(frozen=True, slots=True)
class Trained:
    """One training: of an iteration seconds and CPU seconds, of the whole CPU seconds and the peak in MB, and its loss."""

    seconds: float
    cpu: float
    whole: float
    peak: float
    loss: float


def world(scale: float, rng: np.random.Generator) -> Matrix:
    """How often who heard what [listeners × songs]: at a scale of 1 some 13 million pairs, drawn play by play."""
    listeners, songs, plays = (int(size * scale) for size in (LISTENERS, SONGS, PLAYS))
    genre = np.sort(rng.integers(GENRES, size=songs))
    ends = np.cumsum((1 / np.arange(20, 20 + songs) ** 0.8)[rng.permutation(songs)])
    edges = np.concatenate([[0.0], ends])[np.searchsorted(genre, np.arange(GENRES + 1))]
    activity = rng.lognormal(0, 0.9, listeners)
    who = np.repeat(np.arange(listeners), rng.multinomial(plays, activity / activity.sum()))
    own = rng.integers(GENRES, size=listeners)[who]
    is_own = rng.random(len(who)) < 0.5
    low = np.where(is_own, edges[own], 0)
    high = np.where(is_own, edges[own + 1], ends[-1])
    what = ends.searchsorted(low + rng.random(len(who)) * (high - low)).clip(max=songs - 1)
    drawn = sp.coo_array((np.ones(len(who), np.float32), (who, what)), shape=(listeners, songs))
    return sp.csr_array(drawn)  # which adds up what was drawn twice


def loss(weights: Matrix, listener_factors: Factors, song_factors: Factors, regularisation: float) -> float:
    """The formula of `models.als.training`, exactly: c = 1 and p = 0 everywhere, corrected where something was heard.

    sum over all (x · y)^2 = trace(X'X Y'Y)
    """
    x, y = listener_factors.astype(np.float64), song_factors.astype(np.float64)
    found = float(np.sum((x.T @ x) * (y.T @ y))) + regularisation * float((x * x).sum() + (y * y).sum())
    rows = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    for start in range(0, weights.nnz, AT_ONCE):
        cells = slice(start, start + AT_ONCE)
        scores = np.einsum("cf,cf->c", x[rows[cells]], y[weights.indices[cells]])
        found += float((weights.data[cells] * (1 - scores) ** 2 - scores**2).sum())
    return found


class Laps:
    """Told of each iteration's end, it knows what those after the first took."""

    def __init__(self) -> None:
        self.began = time.process_time()
        self.ends: list[tuple[float, float]] = []

    def tell(self, *_iteration: object) -> None:
        self.ends.append((time.perf_counter(), time.process_time()))

    def over(self, judged: Callable[[], float]) -> Trained:
        """Training is over: what it took, and what it is worth by a judgement that is no part of it."""
        whole = time.process_time() - self.began
        peak = _peak()
        (wall, cpu), (last_wall, last_cpu) = self.ends[0], self.ends[-1]
        laps = len(self.ends) - 1
        return Trained((last_wall - wall) / laps, (last_cpu - cpu) / laps, whole, peak, judged())


def ours(listens: Matrix, parameters: Parameters) -> Trained:
    """By `models.als.training`; before, a matrix of two rows so that compiling is not part of it."""
    train(listens[:2], parameters)
    laps = Laps()
    model = train(listens, parameters, progress=laps.tell)
    weights = _weights(listens, parameters)
    return laps.over(
        lambda: loss(weights, model.listener_factors, model.song_factors, parameters.regularisation)
    )


def plain_implicit(listens: Matrix, parameters: Parameters) -> Trained:
    """By `AlternatingLeastSquares.fit`, with the one BLAS thread that it is fastest with, and its exact step for listeners."""
    laps, weights = Laps(), sp.csr_matrix(_weights(listens, parameters))
    with threadpoolctl.threadpool_limits(1, "blas"):
        library = AlternatingLeastSquares(
            factors=parameters.factors,
            regularization=parameters.regularisation,
            iterations=parameters.iterations,
            random_state=np.random.default_rng(parameters.seed),
        )
        library.fit(weights, show_progress=False, callback=laps.tell)
        listeners = library.recalculate_user(np.arange(weights.shape[0]), weights)
    return laps.over(
        lambda: loss(sp.csr_array(weights), listeners, library.item_factors, parameters.regularisation)
    )


def spark(listens: Matrix, parameters: Parameters) -> Trained:
    """By MLlib on two local threads. It hears of no iterations: a training of one is taken off a longer one's time.

    MLlib has c = 1 + r, so that r = c - 1, and multiplies its regularisation by how many songs somebody heard: it is
    given that of the mean row. It starts from factors of its own, so its loss is near the others', and not theirs.
    """
    from pyspark.ml.recommendation import ALS  # noqa: PLC0415 - a peer that need not be there
    from pyspark.sql import SparkSession  # noqa: PLC0415

    weights = _weights(listens, parameters)
    mean = 2 * weights.nnz / sum(weights.shape)
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "6g")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    machine = psutil.Process().children(recursive=True)
    taken: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        cells = weights.tocoo()
        columns = {"user": cells.coords[0], "item": cells.coords[1], "rating": cells.data - 1}
        pl.DataFrame(columns).write_parquet(f"{folder}/cells.parquet")
        pairs = session.read.parquet(f"{folder}/cells.parquet").repartition(2).cache()
        pairs.count()
        for iterations in (1, 1, parameters.iterations):  # the first is not timed: Java compiles in it
            began = time.perf_counter(), _cpu(machine)
            model = ALS(
                rank=parameters.factors,
                maxIter=iterations,
                regParam=parameters.regularisation / mean,
                implicitPrefs=True,
                alpha=1.0,
                seed=parameters.seed,
            ).fit(pairs)
            taken.append((time.perf_counter() - began[0], _cpu(machine) - began[1]))
        listeners = _collected(model.userFactors.collect(), weights.shape[0], parameters.factors)
        songs = _collected(model.itemFactors.collect(), weights.shape[1], parameters.factors)
        peak = sum(process.memory_info().rss for process in machine) / MEGABYTE
    session.stop()
    _, (first_wall, first_cpu), (wall, cpu) = taken
    laps = parameters.iterations - 1
    return Trained(
        (wall - first_wall) / laps,
        (cpu - first_cpu) / laps,
        cpu,
        peak,
        loss(weights, listeners, songs, parameters.regularisation),
    )


def _peak() -> float:
    """Of this process in MB. What `getrusage` says begins with the parent's, which made the world."""
    status = Path("/proc/self/status")
    if not status.exists():
        return math.nan
    found = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(found.split()[1]) * KIBIBYTE / MEGABYTE


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _collected(rows: list[tuple[int, list[float]]], size: int, factors: int) -> Factors:
    found = np.zeros((size, factors), np.float32)
    for place, row in rows:
        found[place] = row
    return found


def _weights(listens: Matrix, parameters: Parameters) -> Matrix:
    return confidence(listens, parameters.weighting, parameters.alpha, parameters.damping)


Contender = Callable[[Matrix, Parameters], Trained]


def alone(contender: Contender, listens: Matrix, parameters: Parameters) -> Trained:
    """In a process of its own, whose peak is nobody else's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(contender, listens, parameters).result()


def rows_of(table: Table, listens: Matrix, contenders: dict[str, Contender], parameters: Parameters) -> None:
    """Add what each of them took; the ratios are to the first."""
    first = None
    for name, contender in contenders.items():
        found = alone(contender, listens, parameters)
        first = first or found
        table.add_row(
            f"{listens.shape[0]:,} x {listens.shape[1]:,}, {listens.nnz:,}",
            str(parameters.factors),
            name,
            f"{found.seconds:.2f}",
            f"{found.cpu:.2f}",
            f"{found.cpu / first.cpu:.2f}",
            f"{found.whole:.1f}",
            f"{found.whole / first.whole:.2f}",
            f"{found.peak:,.0f}",
            f"{found.loss:.6e}",
            f"{found.loss / first.loss - 1:+.1e}",
        )


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(prog="python -m bench.train", description=__doc__)
    arguments.add_argument(
        "--scale", type=float, default=1.0, help="of 200,000 x 100,000 and 13 million pairs"
    )
    arguments.add_argument("--sample", type=float, default=0.05, help="the scale of what Spark trains on")
    arguments.add_argument("--factors", type=int, nargs="+", default=[64, 128])
    arguments.add_argument("--iterations", type=int, default=3, help="at least two")
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    if given.iterations < 2:
        arguments.error("the first iteration is not timed: at least two are needed")
    columns = ("listeners x songs, pairs", "factors", "by", "s / iteration", "CPU s / iteration", "ratio",
               "CPU s in all", "ratio", "peak MB", "loss", "to ours")  # fmt: skip
    table = Table(
        title=f"one member, {given.iterations} iterations, confidences and the exact step included in all"
    )
    for column in columns:
        table.add_column(column, justify="right")
    peers: dict[str, Contender] = {"ours": ours, "implicit": plain_implicit}
    has_java = shutil.which("java") is not None
    for scale, contenders in ((given.scale, peers), (given.sample, {**peers, "Spark MLlib": spark})):
        if contenders is not peers and not has_java:
            print("no java on the PATH: Spark MLlib and its sample are left out")
            continue
        listens = world(scale, np.random.default_rng(given.seed))
        for factors in given.factors:
            parameters = Parameters(members=(factors,), iterations=given.iterations, seed=given.seed)
            rows_of(table, listens, contenders, parameters)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
