"""Charts in memory beside the raw query over the same listens: `python -m bench.trending [--events N]`.

A ClickHouse of its own, 200,000 songs of 30 genres in ten countries, listens of 60 days, made inside the warehouse in chunks
so that its views count them. Each answer is compared with the raw query's, to the row.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from itertools import product
from pathlib import Path
from uuid import uuid4

import numpy as np
import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from foundation.clock import utc_now
from foundation.engines.clickhouse import Client, open_clickhouse, open_clickhouse_reader_async
from foundation.settings import REPOSITORY, Settings, running_engines
from serving.trending.answers import encoded, told
from serving.trending.charts import Charts
from serving.trending.schemas import OF, Asked, ChartOut
from serving.trending.windows import WINDOWS
from warehouse.migrate import migrate, statements

SONGS = 200_000
CHUNK = 1_000_000  # listens of one insert
LIMIT = 50
GIVE_UP = 30.0  # seconds
FRESH = 100  # listens whose way into a chart is timed
CAME_INTO = [Asked(of, window, region="NZ") for of in OF for window in WINDOWS]
HERE = Path(__file__).parent
RAW = (HERE / "trending.sql").read_text()
WORLD = statements((HERE / "trending_world.sql").read_text())


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=50_000_000)
    events = arguments.parse_args().events
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as home, clickhouse(Path(home)) as engines:
        client = open_clickhouse(engines["clickhouse"])
        fill(client, events)
        asyncio.run(measured(client, engines["clickhouse_reader"], events))
        client.close()


@contextmanager
def clickhouse(home: Path) -> Iterator[Mapping[str, str]]:
    """The embedded ClickHouse on a home of its own; it ends with the block."""
    words = [sys.executable, "-m", "embedded", "--home", str(home), "--until-input-ends", "clickhouse"]
    with subprocess.Popen(
        words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if not any(line.strip() == "ready" for line in process.stdout):
            sys.exit("ClickHouse did not start")
        yield running_engines(Settings(SEGUE_HOME=home))
        process.communicate()


def fill(client: Client, events: int) -> None:
    """The world, with its rollups."""
    migrate(client)
    songs, listens = WORLD
    client.command(songs, {"songs": SONGS})
    for start in track(
        range(0, events, CHUNK), description=f"{events:,} listens", console=Console(stderr=True)
    ):
        client.command(listens, {"songs": SONGS, "events": min(CHUNK, events - start)})
    client.command(
        "INSERT INTO removals (play_id, listener_id, song_id, listened_at, country, removed_at) "
        "SELECT play_id, listener_id, song_id, listened_at, country, ingested_at + INTERVAL 1 MINUTE "
        "FROM listens WHERE listener_id % 1000 = 0"
    )


async def measured(client: Client, reader: str, events: int) -> None:
    """Count all charts, compare and time them, then let listens come one by one."""
    console = Console(width=120)
    process = psutil.Process()
    charts = Charts(lambda: open_clickhouse_reader_async(reader), utc_now)
    before = process.memory_info().rss
    await charts.refresh()  # opens the connection and loads code
    memory = process.memory_info().rss - before
    for unit in charts.units.values():
        if not await charts.count(unit):
            sys.exit("the warehouse does not count")
    console.print(beside_raw(client, charts, events))
    console.print(cost(charts, memory))
    console.print(await freshness(client, charts))
    await charts.close()


def beside_raw(client: Client, charts: Charts, events: int) -> Table:
    """Each window, with and without a genre and a region: from memory, counted, and raw."""
    table = Table(
        title=f"The {LIMIT} most played songs of {events:,} listens: milliseconds, and how many times the raw query's speed"
    )
    for column in (
        "window",
        "genre",
        "region",
        "kept bytes",
        "encoded anew",
        "counted anew",
        "raw query",
        "raw ÷ anew",
        "equal",
    ):
        table.add_column(column, justify="right")
    for window, genre, region in product(WINDOWS, (None, "genre1", "genre20"), (None, "US", "NZ")):
        asked = Asked("songs", window, genre=genre, region=region)
        unit = charts.units[window, "most_played", "raw"]
        assert unit.span is not None
        span = {
            "since": f"{unit.span.since:%Y-%m-%d %H:%M:%S}",
            "close": f"{unit.span.close:%Y-%m-%d %H:%M:%S}",
        }
        parameters = {**span, "genre": genre or "", "region": region or "", "limit": LIMIT}
        raw = seconds(partial(client.query, RAW, parameters), 3)
        rows = client.query(RAW, parameters).result_rows
        kept = seconds(partial(encoded, charts, asked, LIMIT), 1_000)
        warm = seconds(partial(encoded_anew, charts, asked), 200)
        items = [(item.song_id, item.listens) for item in told(charts, asked, LIMIT).items]
        times = (f"{kept * 1e3:.4f}", f"{warm * 1e3:.3f}", f"{unit.seconds * 1e3:,.0f}", f"{raw * 1e3:,.0f}")
        is_equal = "yes" if items == [tuple(row) for row in rows] else "NO"
        table.add_row(window, genre or "all", region or "all", *times, f"{raw / warm:,.0f}", is_equal)
    return table


def encoded_anew(charts: Charts, asked: Asked) -> bytes:
    """An answer as the first who asks after a look gets it."""
    charts.answers.clear()
    return encoded(charts, asked, LIMIT)


def cost(charts: Charts, memory: int) -> Table:
    """What all lists take, and how long each kind took to count (songs and artists, every genre and region)."""
    places = f"{charts.entries:,} places, {charts.nbytes / 2**20:.0f} MB of lists, {memory / 2**20:.0f} MB more resident"
    table = Table(title=f"Seconds to count every genre and region, songs and artists: {places}")
    for column in (
        "window",
        *(f"{kind}, {view}" for kind in ("most_played", "rising") for view in ("raw", "cleaned")),
        "lists",
    ):
        table.add_column(column, justify="right")
    for window in WINDOWS:
        units = [
            charts.units[window, kind, view]
            for kind in ("most_played", "rising")
            for view in ("raw", "cleaned")
        ]
        lists = sum(len(unit.boards[of].by_key) for unit in units for of in OF)
        table.add_row(window, *(f"{unit.seconds:.2f}" for unit in units), f"{lists:,}")
    return table


async def freshness(client: Client, charts: Charts) -> Table:
    """How long until a listen is in the charts of all windows, from before its insert, while charts are kept as they are served."""
    following = asyncio.create_task(charts.follow())
    took = []
    rng = np.random.default_rng(1)
    for _ in range(FRESH):
        await asyncio.sleep(rng.random() * 0.3)
        before = [(asked, told(charts, asked, LIMIT)) for asked in CAME_INTO]
        began = time.monotonic()
        await asyncio.to_thread(insert, client)
        while not all(is_in(charts, *each) for each in before):
            await asyncio.sleep(0.01)
            if following.done() or time.monotonic() - began > GIVE_UP:
                raise RuntimeError("a listen does not come into the charts")
        took.append(time.monotonic() - began)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    table = Table(
        title=f"From a listen's insert to every chart that it belongs to, {FRESH} listens, milliseconds"
    )
    for column in ("p50", "p99", "longest"):
        table.add_column(column, justify="right")
    table.add_row(*(f"{np.percentile(took, which) * 1e3:,.0f}" for which in (50, 99, 100)))
    return table


def is_in(charts: Charts, asked: Asked, earlier: ChartOut) -> bool:
    """Whether a chart has more listens than before, or begins later and can not be compared."""
    now = told(charts, asked, LIMIT)
    return now.listens > earlier.listens or now.since != earlier.since


def insert(client: Client) -> None:
    """One listen, now, of the song that is played most."""
    client.insert(
        "listens",
        [(uuid4(), 1, 1, utc_now(), 60_000, "NZ")],
        column_names=["play_id", "listener_id", "song_id", "listened_at", "played_ms", "country"],
    )


def seconds(work: Callable[[], object], times: int) -> float:
    """The median time of one call."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


if __name__ == "__main__":
    main()
