"""What two processes ask of ClickHouse for their charts, each for itself and shared: `python -m bench.chart_workers`.

A ClickHouse of its own with the world of `bench.trending`. Four sets of charts take in each insert in turn: two that ask for themselves,
and two that share a folder (`serving/trending/sharing.py`), and then count some lists. ClickHouse's CPU is told for each, so
that what else the machine does weighs on all alike. Options: --events, of the world; --batch, listens of an insert; --rounds.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from uuid import uuid4

import numpy as np
import psutil
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from bench.trending import PLAYLISTS, SONGS, clickhouse, fill, warehouse_process
from foundation.clock import utc_now
from foundation.engines.clickhouse import Client, open_clickhouse, open_clickhouse_reader_async
from serving.trending.charts import Charts
from serving.trending.counting import COUNTED_WITHIN
from serving.trending.schemas import KINDS, VIEWS
from serving.trending.sharing import Sharing

LISTENERS = 300_000
COUNTRIES = np.array(["US", "NZ", "DE", "BR", "JP"])
COUNTED = [("listens", "day", kind, view) for kind in KINDS for view in VIEWS]
WHO = ("alone", "another alone", "one that shares", "another that shares")


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=300_000)
    arguments.add_argument("--batch", type=int, default=1_000)
    arguments.add_argument("--rounds", type=int, default=40)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as home, clickhouse(Path(home)) as engines:
        client = open_clickhouse(engines["clickhouse"])
        fill(client, given.events)
        folder = Path(home) / "charts"
        spent = asyncio.run(measured(client, engines["clickhouse_reader"], folder, given.batch, given.rounds))
        client.close()
    Console(width=130).print(told(spent, given.batch, given.rounds))


async def measured(client: Client, reader: str, folder: Path, batch: int, rounds: int) -> Counter[str]:
    """CPU seconds of ClickHouse for the inserts, and for the looks and counts of each."""
    charts = [
        Charts(
            lambda: open_clickhouse_reader_async(reader, patience=COUNTED_WITHIN),
            utc_now,
            sharing=Sharing(where, reader),
        )
        for where in (None, None, folder, folder)
    ]
    alone, also_alone, one, other = charts
    spent: Counter[str] = Counter()
    server, rng = warehouse_process(), np.random.default_rng(1)

    async def of(what: str, asking: Awaitable[object]) -> None:
        before = cpu(server)
        if await asking is False:
            sys.exit(f"{what} failed")
        spent[what] += cpu(server) - before

    for each in (alone, also_alone, one):
        await each.look()
    await take_in(other)
    for _ in range(rounds):
        await of("inserts", asyncio.to_thread(client.insert_arrow, "listens", listens(rng, batch)))
        for who, each in zip(WHO, charts, strict=True):
            await of(f"look, {who}", take_in(other) if each is other else each.look())
    if len({each.looks.position for each in charts}) > 1:
        sys.exit("they have not come to the same block")
    for name in COUNTED:
        for who, each in zip(WHO, charts, strict=True):
            unit = each.units[name]
            await of(f"count, {who}", each.adopt(unit) if each is other else each.count(unit))
    for each in charts:
        await each.close()
    return spent


async def take_in(charts: Charts) -> None:
    """What another has told."""
    await charts.looks.look(charts.looks.looked or 0.0, float("inf"))


def cpu(process: psutil.Process) -> float:
    """Seconds so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def listens(rng: np.random.Generator, number: int) -> pa.Table:
    """Listens of this moment to songs of which some are played most, a quarter of them from playlists."""
    songs = np.minimum(rng.zipf(1.2, number), SONGS)
    playlists = np.where(rng.random(number) < 0.25, 1 + rng.integers(0, PLAYLISTS, number), 0)
    return pa.table(
        {
            "play_id": pa.array([str(uuid4()) for _ in range(number)]),
            "listener_id": rng.integers(1, LISTENERS, number).astype(np.uint64),
            "song_id": songs.astype(np.uint64),
            "listened_at": pa.array([utc_now()] * number, pa.timestamp("ms", "UTC")),
            "played_ms": np.full(number, 60_000, np.uint32),
            "country": rng.choice(COUNTRIES, number),
            "playlist_id": playlists.astype(np.uint64),
        }
    )


def told(spent: Counter[str], batch: int, rounds: int) -> Table:
    """What each costs, a look in a round."""
    table = Table(title=f"CPU of ClickHouse, ms: {rounds} inserts of {batch:,} listens, looked at after each")
    for column in ("", "one process", "two, each for itself", "two that share", "of that, the second"):
        table.add_column(column, justify="right")
    table.add_row("an insert", f"{spent['inserts'] / rounds * 1e3:,.0f}", "", "", "")
    for what, times in (("look", rounds), ("count", len(COUNTED))):
        alone, also_alone, one, other = (spent[f"{what}, {who}"] / times * 1e3 for who in WHO)
        shown = (alone, alone + also_alone, one + other, other)
        table.add_row(f"a {what}", *(f"{each:,.0f}" for each in shown))
    return table


if __name__ == "__main__":
    main()
