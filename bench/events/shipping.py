"""What the event log costs beside the disk, and its way to ClickHouse beside a bare insert."""

import asyncio
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
from rich.table import Table

from embedded.engines import embedded_engines
from embedded.supervisor import Supervisor
from event_log.clickhouse import ClickHouseSink
from event_log.columns import KEY
from event_log.log import EventLog
from event_log.plays import Told, rows_of
from event_log.segments import record, sync
from event_log.settling import in_order
from event_log.shipper import Shipper, pending
from foundation.contracts.events import KINDS, Event, PlaybackEvent, PlayBlock, encode, packed
from foundation.engines.clickhouse import Client, open_clickhouse
from foundation.ids import new_play_id
from warehouse.checking import correct
from warehouse.migrate import migrate

AT = datetime(2026, 1, 1, tzinfo=UTC)
WAITING = (1, 32, 256, 1024)  # tasks that append one event each, again and again
SEGMENT = 8 * 1024 * 1024


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


def appends(folder: Path, seconds: float) -> Table:
    """One event an append, beside bare writes and syncs of the same size."""
    play = plays(1, np.random.default_rng(1))[0]
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
    return table


@contextmanager
def warehouse(home: Path) -> Iterator[Client]:
    children, urls = embedded_engines(home, wanted={"clickhouse"})
    with Supervisor(home, children, say=lambda _: None, urls=urls).running():
        client = open_clickhouse(urls["clickhouse"])
        migrate(client)
        yield client


def shipping(folder: Path, client: Client, events: int, rng: np.random.Generator) -> Table:
    """The whole way from segment files into every table, beside bare inserts into one: of the same batch, and of a segment."""
    table = Table(title=f"{events:,} listens from segments to ClickHouse, each once, on disk")
    for column in ("told as", "events/s", "CPU µs an event, here", "bare insert of as many/s", "÷ bare"):
        table.add_column(column, justify="right")
    bare = {size: bare_inserts(client, size, rng) for size in (1_000, events // 4)}
    for name, together, compared in (
        ("events, one a record", 1, 1_000),
        ("a block of 1,000 a record", 1_000, 1_000),
        (f"the same, beside inserts of {events // 4:,}", 1_000, events // 4),
    ):
        told = plays(events, rng)
        with closing(
            EventLog(folder, f"ship{compared}-{together}", age=timedelta(hours=1), size=SEGMENT)
        ) as log:
            for start in range(0, events, 50_000):
                some = told[start : start + 50_000]
                parts = [some[at : at + together] for at in range(0, len(some), together)]
                asyncio.run(append_all(log, parts if together == 1 else [[block_of(part)] for part in parts]))
        shipper = Shipper(folder, [ClickHouseSink(lambda: client, folder, correct)])
        began, worked = time.perf_counter(), time.process_time()
        shipper.ship()
        took, worked = time.perf_counter() - began, time.process_time() - worked
        if pending(folder):
            raise RuntimeError("not everything was shipped")
        rate, cost = events / took, worked / events * 1e6
        ratio = f"{rate / bare[compared]:.2f}"
        table.add_row(name, f"{rate:,.0f}", f"{cost:.1f}", f"{bare[compared]:,.0f}", ratio)
    return table


def bare_inserts(client: Client, size: int, rng: np.random.Generator) -> float:
    """Rows a second of inserts of so many into one table like playback_events, without views; the median of some."""
    client.command("CREATE TABLE IF NOT EXISTS bare AS playback_events")
    filled, took = rows_of(Told(plays(size, rng)).plays), []
    for _ in range(5 if size > 10_000 else 20):
        began = time.perf_counter()
        client.insert_arrow("bare", filled, settings={"insert_deduplication_token": str(uuid4())})
        took.append(time.perf_counter() - began)
    return size / statistics.median(took)


def block_of(told: Sequence[Event]) -> PlayBlock:
    """Ends of plays as a batch tells them."""
    ends = [play for play in told if isinstance(play, PlaybackEvent)]
    return PlayBlock(
        received_at=ends[0].received_at,
        play_ids=b"".join(play.play_id.bytes for play in ends),
        kinds=bytes([KINDS.index("end")]) * len(ends),
        listener_ids=packed("Q", [play.listener_id for play in ends]),
        song_ids=packed("Q", [play.song_id for play in ends]),
        started_ms=packed("q", [round(play.started_at.timestamp() * 1000) for play in ends]),
        played_ms=packed("q", [play.played_ms or 0 for play in ends]),
        song_ms=packed("i", [play.song_ms or -1 for play in ends]),
        reasons=bytes(len(ends)),
        sources=bytes(len(ends)),
        are_private=bytes(len(ends)),
    )


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
        some = Told(plays(len(ids), rng)).plays.set_column(0, "play_id", pa.array(ids, KEY))
        times = []
        for _ in range(5):
            began = time.perf_counter()
            if len(sink.seen(in_order(some["play_id"].combine_chunks()))) != len(ids):
                raise RuntimeError("not every id was found")
            times.append(time.perf_counter() - began)
        table.add_row(which, f"{min(times) * 1000:.0f}")
    return table
