"""How long a listener's statistics take, and what of it: `python -m bench.listener_statistics [--listens N]`.

A ClickHouse of its own with the listens of a crowd, and of one listener who has many, over ten years. Each answer is
made anew, as for somebody who asks the first time in ten seconds.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC
from pathlib import Path
from typing import get_args

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from bench.trending import SONGS, WORLD, clickhouse
from foundation.clock import utc_now
from foundation.engines.clickhouse import Client, open_clickhouse, open_clickhouse_reader_async
from serving.statistics import listener
from serving.statistics.listener import Asked
from serving.statistics.periods import Range, period
from serving.statistics.schemas import ListenerStatistics
from serving.statistics.warehouse import Warehouse
from warehouse.migrate import migrate

ONE = 900_001  # the listener
CROWD = 2_000_000  # listens of others
DIFFERENT = 5_000  # songs that the one listens to
REMOVED = 500  # one listen in so many was taken back
TIMES = 60
# Ten years of listens in time order, each told a minute after; songs as in life: few very often, from all over the catalog.
LISTENS = """
    INSERT INTO listens (play_id, listener_id, song_id, listened_at, played_ms, country, ingested_at)
    SELECT generateUUIDv4(number), {one:UInt64},
        37 * least({different:UInt64}, toUInt64(exp(randUniform(0, log({different:UInt64} + 1))))),
        now64(3, 'UTC') - toIntervalMillisecond(intDiv(315360000000, {listens:UInt64}) * (number + 1)) AS at,
        60000 + rand(1) % 180000, 'NL', at + INTERVAL 1 MINUTE
    FROM numbers({listens:UInt64})
"""
REMOVALS = """
    INSERT INTO removals (play_id, listener_id, song_id, listened_at, country, ingested_at, removed_at)
    SELECT play_id, listener_id, song_id, listened_at, country, ingested_at, ingested_at + INTERVAL 1 HOUR
    FROM listens WHERE listener_id = {one:UInt64} AND cityHash64(play_id) % {removed:UInt64} = 0
"""


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--listens", type=int, default=100_000)
    listens = arguments.parse_args().listens
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as home, clickhouse(Path(home)) as engines:
        client = open_clickhouse(engines["clickhouse"])
        fill(client, listens)
        console = Console(width=120)
        console.print(asyncio.run(measured(engines["clickhouse_reader"], listens)))
        client.close()


def fill(client: Client, listens: int) -> None:
    """The crowd, the one, and what they took back."""
    migrate(client)
    songs, crowd = WORLD
    client.command(songs, {"songs": SONGS})
    client.command(crowd, {"songs": SONGS, "events": CROWD})
    client.command(LISTENS, {"one": ONE, "different": DIFFERENT, "listens": listens})
    client.command(REMOVALS, {"one": ONE, "removed": REMOVED})


async def measured(reader: str, listens: int) -> Table:
    """Milliseconds of an answer, and the processor time that both processes spend on it."""
    table = Table(
        title=f"Statistics of one listener with {listens:,} listens, {TIMES} answers a line: milliseconds"
    )
    for column in ("range", "listens in it", "median", "p95", "own CPU", "ClickHouse's CPU"):
        table.add_column(column, justify="right")
    warehouse = Warehouse(lambda: open_clickhouse_reader_async(reader))
    engine = [psutil.Process(), *psutil.Process().children(recursive=True)]
    for named in get_args(Range)[::2]:
        for _ in range(3):
            await asked(warehouse, named)
        took = []
        begun = [_spent(process) for process in engine]
        for _ in range(TIMES):
            begun_at = time.perf_counter()
            told = await asked(warehouse, named)
            took.append(1e3 * (time.perf_counter() - begun_at))
        own, *others = (
            1e3 * (_spent(process) - before) / TIMES for process, before in zip(engine, begun, strict=True)
        )
        times = (statistics.median(took), float(np.percentile(took, 95)), own, sum(others))
        table.add_row(named, f"{told.listens:,}", *(f"{each:.1f}" for each in times))
    await warehouse.close()
    return table


async def asked(warehouse: Warehouse, named: Range) -> ListenerStatistics:
    """The answer of this moment."""
    at = utc_now()
    return await listener.read(warehouse, Asked(ONE, named, period(named, at, UTC), UTC, "UTC", at, 20))


def _spent(process: psutil.Process) -> float:
    """Seconds of processor time."""
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
