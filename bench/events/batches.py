"""Batches of plays over HTTP until every store has them: at the peak and at half of it, with how far behind each store was.

Beside it a bare server that reads the same bodies, and bare inserts of the same batches into one table of ClickHouse.
"""

import re
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import numpy as np
from rich.table import Table

from bench.events.platform import Platform, platform
from bench.events.shipping import bare_inserts
from bench.load import Told, answers, program, wait_until, warmed_up, worked_by, worked_in, wrk
from embedded.ports import free_port
from event_log.shipper import pending
from foundation.clock import utc_now
from foundation.engines import postgres
from foundation.engines.clickhouse import Client, open_clickhouse, open_clickhouse_reader
from foundation.ids import new_play_id

BATCH = 1_000
IDLE = 0.3  # of a processor
LOOK = 0.2  # seconds from one question of a watcher to the next: each costs the warehouse some 10 ms
CONNECTIONS = 8
WORKERS = 2
_LAG = re.compile(r'^event_log_lag_seconds\{.*sink="(\w+)".*\} (\S+)$', re.MULTILINE)
PARTS = ("gateway", "shipper", "clickhouse", "postgres", "redis")
STORES = {"clickhouse": "ClickHouse", "history": "Postgres", "recent_songs": "Redis"}


@dataclass(slots=True)
class Watched:
    """How far behind the stores were while batches came in, in seconds."""

    lags: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    fresh: list[float] = field(default_factory=list)  # from a batch's 202 until all of it is counted
    outbox: list[float] = field(default_factory=list)  # from an answered change until the log has it


def batches(home: Path, seconds: float) -> list[Table]:
    """The tables; needs wrk."""
    pace = Table(
        title=f"POST /plays of {BATCH:,}, {WORKERS} workers, shipper and stores on the same processors"
    )
    costs = (f"CPU µs: {part}" for part in PARTS)
    for column in (
        "",
        "events/s on disk",
        "p99 ms",
        *costs,
        "÷ bare",
        "events/s until queryable",
        "until everywhere",
    ):
        pace.add_column(column, justify="right" if column else "left")
    lag = Table(
        title="seconds behind, the median and the most, while they came; and until all of it was there"
    )
    for column in (
        "",
        "202 → queryable",
        *STORES.values(),
        "outbox",
        *(f"{store} done" for store in STORES.values()),
    ):
        lag.add_column(column, justify="left" if not column else "right")
    with platform(home) as up:
        bare, raw = _bare_server(up, seconds), bare_insert(up)
        pace.caption = (
            f"a bare server reads {bare * BATCH:,.0f} events/s of the same bodies with one worker; "
            f"bare inserts of the same batches: {raw:,.0f} events/s"
        )
        with up.shipping():
            peak = _measured(up, seconds, 0.0, "as fast as it goes", pace, lag, bare)
            for share in (0.5, 0.25):
                _measured(up, seconds, share * peak, f"at {share} of it", pace, lag, bare)
    return [pace, lag]


def _measured(
    up: Platform, seconds: float, wanted: float, name: str, pace: Table, lag: Table, bare: float
) -> float:
    """Sends for some seconds, waits until every store has all, and adds the rows; returns the events a second."""
    port = free_port(13_000)
    with program(up.environment, "gateway", "--port", str(port), "--workers", str(WORKERS)) as server:
        wait_until(lambda: answers(port), server)
        # With single plays, so that every worker knows every listener.
        warmed_up(lambda: wrk("events/play.lua", port, CONNECTIONS, 2, up.songs[0], 0.0, *up.tokens))
        _wait_until_shipped(up)
        _wait_until_idle(up)
        before = _worked(up, server.pid)
        with _watching(up, port) as watched:
            began = time.perf_counter()
            told = _load(up, port, seconds, 1000 * CONNECTIONS * BATCH / wanted if wanted else 0.0)
            done = _done(up, began)
        _wait_until_shipped(up)
        after = _worked(up, server.pid)
    events = told.per_second * BATCH
    came = events * seconds + len(watched.fresh) * BATCH
    pace.add_row(
        name,
        f"{events:,.0f}",
        f"{told.p99:.0f}",
        *(f"{(after[part] - before[part]) / came * 1e6:.1f}" for part in after),
        f"{told.per_second / bare:.2f}",
        f"{events * seconds / done['clickhouse']:,.0f}",
        f"{events * seconds / max(done.values()):,.0f}",
    )
    lag.add_row(
        name,
        _told(watched.fresh),
        *(_told(watched.lags[sink]) for sink in STORES),
        _told(watched.outbox),
        *(f"{done[sink]:.1f}" for sink in STORES),
    )
    return events


def _worked(up: Platform, gateway: int) -> dict[str, float]:
    """CPU seconds so far of each of PARTS."""
    engines = worked_in(up.settings.home)
    told = {"gateway": worked_by(gateway), "shipper": worked_by(up.shipper_pid())} | engines
    return {part: told[part] for part in PARTS}


def _load(up: Platform, port: int, seconds: float, pause: float) -> Told:
    """The last listener is left to who watches."""
    songs = ",".join(map(str, up.songs))
    return wrk("events/batch.lua", port, CONNECTIONS, seconds, songs, pause, *up.tokens[:-1])


def _bare_server(up: Platform, seconds: float) -> float:
    port = free_port(13_000)
    with program(up.environment, "bench.bare", "--port", str(port)) as server:
        wait_until(lambda: answers(port), server)
        return _load(up, port, seconds, 0.0).per_second


def bare_insert(up: Platform) -> float:
    """Rows a second of batches inserted alone."""
    with closing(open_clickhouse(up.settings.engines.clickhouse)) as client:
        return bare_inserts(client, BATCH, np.random.default_rng(1))


@contextmanager
def _watching(up: Platform, port: int) -> Iterator[Watched]:
    watched, stop = Watched(), threading.Event()
    work = (_watch_lags, _watch_freshness, _watch_outbox)
    threads = [threading.Thread(target=watch, args=(up, port, watched, stop)) for watch in work]
    for thread in threads:
        thread.start()
    try:
        yield watched
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _watch_lags(_: Platform, port: int, watched: Watched, stop: threading.Event) -> None:
    """What the shipper tells of itself, once a second."""
    while not stop.wait(1):
        page = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
        for sink, seconds in _LAG.findall(page):
            watched.lags[sink].append(float(seconds))


def _watch_freshness(up: Platform, port: int, watched: Watched, stop: threading.Event) -> None:
    """Sends batches of one listener among the others, and asks for them until they are there."""
    headers = {"Authorization": f"Bearer {up.tokens[-1]}"}
    with (
        closing(open_clickhouse_reader(up.settings.engines.clickhouse_reader)) as client,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as http,
    ):
        since, told = utc_now(), 0
        while not stop.wait(0.3):
            ids = [str(new_play_id(utc_now())) for _ in range(BATCH)]
            plays = [{"song_id": up.songs[0], "play_id": play, "played_ms": 61_000} for play in ids]
            told += http.post("/api/v1/plays", json={"plays": plays}).is_success * BATCH
            began = time.perf_counter()
            while _counted(client, up.listeners[-1], since) < told:
                time.sleep(LOOK)
            watched.fresh.append(time.perf_counter() - began)


def _counted(client: Client, listener: int, since: datetime) -> int:
    asked = "SELECT count() FROM listens WHERE listener_id = {listener:UInt64} AND ingested_at > {since:DateTime64(3)}"
    return int(client.query(asked, parameters={"listener": listener, "since": since}).first_row[0])


def _watch_outbox(up: Platform, port: int, watched: Watched, stop: threading.Event) -> None:
    """Loves a song, and asks the outbox until it has told of it."""
    headers = {"Authorization": f"Bearer {up.tokens[-1]}"}
    with (
        postgres.connection(up.settings.engines.postgres) as db,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as http,
    ):
        for song in up.songs:
            if stop.wait(0.5):
                return
            http.put(f"/api/v1/me/loves/songs/{song}").raise_for_status()
            began = time.perf_counter()
            while db.execute("SELECT FROM outbox LIMIT 1").fetchone():
                time.sleep(0.01)
            watched.outbox.append(time.perf_counter() - began)


def _done(up: Platform, began: float) -> dict[str, float]:
    """Seconds from `began` until each store has every segment that is there now."""
    folder = up.settings.log_dir
    there = {path.stem for path in folder.glob("*-*.*") if path.suffix in (".open", ".segment")}
    done: dict[str, float] = {}
    while len(done) < len(STORES):
        gone = there - {path.stem for path in folder.glob("*-*.*")}
        for sink in STORES.keys() - done.keys():
            told = (folder / f"{sink}.cursor").read_text().split("\n")
            passed = {
                name for line in told if line.startswith("passed") for name in line.split(" ")[1].split(",")
            }
            if there <= passed | gone:
                done[sink] = time.perf_counter() - began
        time.sleep(0.05)
    return done


def _wait_until_shipped(up: Platform) -> None:
    while pending(up.settings.log_dir):
        time.sleep(0.1)


def _wait_until_idle(up: Platform) -> None:
    """Until ClickHouse rests: a gateway that has just started counts all its charts, some seconds of work."""
    worked, rested = worked_in(up.settings.home)["clickhouse"], 0
    while rested < 3:
        time.sleep(1)
        now = worked_in(up.settings.home)["clickhouse"]
        rested = rested + 1 if now - worked < IDLE else 0
        worked = now


def _told(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} / {max(seconds):.2f}" if seconds else "–"
