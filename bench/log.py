"""What the event log costs, beside the disk, the insert and the bare server it cannot do without: `python -m bench.log`."""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.posts import posts
from embedded.engines import embedded_engines
from embedded.supervisor import Supervisor
from event_log import rows
from event_log.clickhouse import ClickHouseSink
from event_log.log import EventLog
from event_log.segments import record, sync
from event_log.shipper import Shipper, pending
from foundation.contracts.events import Event, PlaybackEvent, encode
from foundation.engines.clickhouse import Client, open_clickhouse
from foundation.ids import new_play_id
from warehouse.checking import correct
from warehouse.migrate import migrate

AT = datetime(2026, 1, 1, tzinfo=UTC)
WAITING = (1, 32, 256, 1024)  # tasks that append one event each, again and again
SEGMENT = 8 * 1024 * 1024
PARTS = ("posts", "appends", "shipping")


@dataclass(frozen=True, slots=True)
class Appending:
    """Appends of one event: how many a second, how long each took, how many shared a sync."""

    per_second: float
    p50: float
    p99: float
    shared: float


def plays(number: int, rng: np.random.Generator) -> list[Event]:
    """Listens of a day, by many listeners of many songs."""
    moments = [AT + timedelta(milliseconds=86_400_000 * at / number) for at in range(number)]
    listeners, songs = rng.integers(1, 500_000, number), rng.integers(1, 30_000_000, number)
    return [
        PlaybackEvent(
            play_id=new_play_id(moment),
            kind="end",
            listener_id=int(listener),
            song_id=int(song),
            started_at=moment,
            received_at=moment,
            played_ms=200_000,
            song_ms=200_000,
        )
        for moment, listener, song in zip(moments, listeners, songs, strict=True)
    ]


async def appending(log: EventLog, waiting: int, seconds: float, play: Event) -> Appending:
    """`waiting` tasks append for so many seconds."""
    took: list[float] = []
    ends_at = time.perf_counter() + seconds

    async def client() -> None:
        while (began := time.perf_counter()) < ends_at:
            await log.append([play])
            took.append(time.perf_counter() - began)

    began, commits = time.perf_counter(), log.commits
    await asyncio.gather(*(client() for _ in range(waiting)))
    p50, p99 = np.percentile(took, [50, 99]) * 1000
    return Appending(len(took) / (time.perf_counter() - began), p50, p99, len(took) / (log.commits - commits))


def raw_syncs(folder: Path, size: int, seconds: float) -> float:
    """Writes of `size` bytes, each synced, a second."""
    block, done, ends_at = os.urandom(size), 0, time.perf_counter() + seconds
    with (folder / "raw").open("wb", buffering=0) as file:
        while time.perf_counter() < ends_at:
            file.write(block)
            sync(file.fileno())
            done += 1
    return done / seconds


def appends(folder: Path, seconds: float, rng: np.random.Generator) -> Table:
    play = plays(1, rng)[0]
    size = len(record(encode([play])))
    table = Table(title=f"appends of one event of {size} bytes, each on disk before it returns")
    for column in (
        "waiting",
        "appends/s",
        "p50 ms",
        "p99 ms",
        "to a sync",
        "raw syncs/s of that size",
        "÷ raw",
    ):
        table.add_column(column, justify="right")
    for waiting in WAITING:
        with closing(EventLog(folder, f"bench{waiting}", age=timedelta(seconds=0.5), size=SEGMENT)) as log:
            found = asyncio.run(appending(log, waiting, seconds, play))
        raw = raw_syncs(folder, round(size * found.shared), seconds / 3)
        ratio = found.per_second / (raw * found.shared)
        numbers = (found.per_second, found.p50, found.p99, found.shared, raw, ratio)
        table.add_row(str(waiting), *(f"{n:,.0f}" if n >= 100 else f"{n:.2f}" for n in numbers))
    for path in folder.iterdir():
        path.unlink()
    return table


@contextmanager
def warehouse(home: Path) -> Iterator[Client]:
    children, urls = embedded_engines(home, wanted={"clickhouse"})
    with Supervisor(home, children, say=lambda _: None, urls=urls).running():
        client = open_clickhouse(urls["clickhouse"])
        migrate(client)
        yield client


def shipping(folder: Path, client: Client, events: int, rng: np.random.Generator) -> Table:
    """The whole way from segment files into every table, beside one bare insert of the same rows."""
    table = Table(title=f"{events:,} listens from segments to ClickHouse, each once, on disk")
    for column in ("events in an append", "events/s", "CPU µs an event, here", "bare insert/s", "÷ bare"):
        table.add_column(column, justify="right")
    for together in (1, 100, 10_000):
        told = plays(events, rng)
        with closing(EventLog(folder, f"ship{together}", age=timedelta(hours=1), size=SEGMENT)) as log:
            for start in range(0, events, 10_000):
                some = told[start : start + 10_000]
                asyncio.run(
                    append_all(log, [some[at : at + together] for at in range(0, len(some), together)])
                )
        shipper = Shipper(folder, [ClickHouseSink(lambda: client, folder, correct)])
        began, worked = time.perf_counter(), time.process_time()
        shipper.ship()
        took, worked = time.perf_counter() - began, time.process_time() - worked
        if pending(folder):
            raise RuntimeError("not everything was shipped")
        began = time.perf_counter()
        bare = rows.playback_events(plays(min(events, 30_000), rng)).drop_columns("counts")
        began = time.perf_counter()
        client.insert_arrow("playback_events", bare, settings={"insert_deduplicate": 0})
        bare_rate = bare.num_rows / (time.perf_counter() - began)
        rate = events / took
        table.add_row(
            f"{together:,}",
            f"{rate:,.0f}",
            f"{worked / events * 1e6:.1f}",
            f"{bare_rate:,.0f}",
            f"{rate / bare_rate:.2f}",
        )
    return table


async def append_all(log: EventLog, batches: list[list[Event]]) -> None:
    await asyncio.gather(*(log.append(batch) for batch in batches))


def lookups(client: Client, held: int, rng: np.random.Generator) -> Table:
    """Looking 10,000 ids up among those the warehouse has seen."""
    client.command("TRUNCATE TABLE seen")
    client.command(
        "INSERT INTO seen (play_key, kind, is_kept) SELECT toFixedString(unhex(concat(leftPad(lower(hex("
        "1767225600000 + number * 100)), 12, '0'), '7', substring(lower(hex(rand64())), 1, 3), "
        "lower(leftPad(hex(rand64(1)), 16, '0')))), 16), 'end', 0 FROM numbers({held:UInt64})",
        parameters={"held": held},
    )
    table = Table(title=f"10,000 ids looked up among {held:,}")
    for column in ("which ids", "ms"):
        table.add_column(column, justify="right")
    asked = {
        "the newest": "SELECT play_key FROM seen ORDER BY play_key DESC LIMIT 10000",
        "spread over all": "SELECT play_key FROM seen ORDER BY rand() LIMIT 10000",
    }
    sink = ClickHouseSink(lambda: client, Path(), correct)
    for which, query in asked.items():
        ids = [
            bytes(key) for key in client.query(query, column_formats={"play_key": "bytes"}).result_columns[0]
        ]
        some = rows.playback_events(plays(len(ids), rng))
        some = some.set_column(0, "play_id", rows.pa.array(ids, rows.pa.binary(16)))
        times = []
        for _ in range(5):
            began = time.perf_counter()
            if len(sink.held("seen", some)) != len(ids):
                raise RuntimeError("not every id was found")
            times.append(time.perf_counter() - began)
        table.add_row(which, f"{min(times) * 1000:.0f}")
    return table


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one of the parts (all)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement of appends and posts")
    parser.add_argument("--events", type=int, default=100_000, help="shipped in each row")
    parser.add_argument("--seen", type=int, default=5_000_000, help="ids to look up among")
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    console = Console(width=132)
    parts = [given.only] if given.only else PARTS
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as made:
        folder = Path(made) / "log"
        folder.mkdir()
        if "posts" in parts:
            console.print(posts(Path(made) / "platform", given.seconds))
        if "appends" in parts:
            console.print(appends(folder, given.seconds, rng))
        if "shipping" in parts:
            with warehouse(Path(made) / "home") as client:
                console.print(shipping(folder, client, given.events, rng))
                console.print(lookups(client, given.seen, rng))


if __name__ == "__main__":
    main()
