"""What the whole journey costs as a world grows: time and peak memory of each stage: `python -m bench.journey`."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from cli.imports import import_with_progress
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.contracts.history import History
from foundation.engines.clickhouse import open_clickhouse_reader
from foundation.ids import UserId, new_play_id
from foundation.security import token_maker
from foundation.settings import REPOSITORY, Settings, child_environment
from pipelines.catalog import in_order
from pipelines.world.world import make_world

DAYS = 60
PLAYS_A_DAY = 4.7  # of a listener of the demonstration world
SONGS = 10_000  # at the most: the events grow, the catalogue does not
SERVERS = ("postgres", "redis", "clickhouse", "shipper", "api")
FRAMES = ("listeners", "artists", "songs", "plays")
FEEDS = 100
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage took: seconds, its own process's peak in MB, and the peaks of the servers meanwhile."""

    name: str
    seconds: float
    own: float | None
    servers: dict[str, float]
    note: str = ""


class Bench:
    """A platform on a home of its own, whose stages run one after another, each in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.stages: list[Stage] = []
        self.environment = {**child_environment(Settings(SEGUE_HOME=home)), "SEGUE__LIMITS__ENABLED": "false"}

    @property
    def settings(self) -> Settings:
        return foundation_settings.connected(Settings(SEGUE_HOME=self.home))

    def run(self, name: str, *words: str, note: Callable[[float], str] = lambda _: "") -> None:
        """A stage that is a command: `python WORDS`."""
        _forget_peaks(self._pids())
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, *words], cwd=REPOSITORY, env=self.environment, stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - began
        if process.returncode != 0:
            sys.exit(f"{name} ended with status {process.returncode}")
        self._keep(name, took, usage.ru_maxrss * 1024 / MEGABYTE, note(took))

    @contextmanager
    def stage(self, name: str) -> Iterator[list[str]]:
        """A stage that is what this process does with the servers; what is put into the list is its note."""
        note: list[str] = []
        _forget_peaks(self._pids())
        began = time.monotonic()
        yield note
        self._keep(name, time.monotonic() - began, None, " ".join(note))

    def _keep(self, name: str, seconds: float, own: float | None, note: str) -> None:
        peaks = {part: _peak(pids) for part, pids in self._pids().items()}
        self.stages.append(Stage(name, seconds, own, peaks, note))
        print(f"{name}: {seconds:.1f} s {note}", file=sys.stderr, flush=True)

    def _pids(self) -> dict[str, list[int]]:
        """The processes of each running server: the one the supervisor knows, and its children."""
        try:
            status = json.loads((self.home / "run" / "status.json").read_text())
        except FileNotFoundError:
            return {}
        known = {child["name"]: child["pid"] for child in status["children"] if child["pid"]}
        return {part: _family(known[part]) for part in SERVERS if part in known}


def journey(bench: Bench, events: int, seed: int) -> None:
    """All stages, from nothing to a feed that has changed."""
    listeners = max(2, round(events / (DAYS * PLAYS_A_DAY)))
    songs = min(SONGS, max(20, events // 40))
    itself = ("-m", "bench.journey", "--home", str(bench.home))
    bench.run("up", "-m", "cli", "up", "--detach", "--port", "0")
    bench.run("make the world", *itself, "--make", str(listeners), str(songs), str(seed))
    plays = pl.scan_parquet(bench.home / "plays.parquet").select(pl.len()).collect().item()
    bench.run(
        "import and ship", *itself, "--import", note=lambda took: f"{plays:,} plays, {plays / took:,.0f}/s"
    )
    for job in in_order():
        bench.run(f"job {job.writes}", "-m", "cli", "job", job.writes)
    with bench.stage(f"{FEEDS} feeds") as note:
        note.append(feeds(bench.settings))
    with bench.stage("play → changed feed") as note:
        note.append(changed_feed(bench.settings))


def feeds(connected: Settings) -> str:
    """Ask for the feeds of listeners spread over the world; how long each took."""
    took = []
    with _client(connected) as client:
        for listener in _listeners(connected, FEEDS):
            began = time.perf_counter()
            client.get("/recommendations", headers=_as(connected, listener)).raise_for_status()
            took.append(1000 * (time.perf_counter() - began))
    return f"p50 {np.percentile(took, 50):.1f} ms, p99 {np.percentile(took, 99):.1f} ms"


def changed_feed(connected: Settings) -> str:
    """Play the first song of a feed, and ask until it has left."""
    with _client(connected) as client:
        headers = _as(connected, _listeners(connected, 1)[0])
        first = (
            client.get("/recommendations", headers=headers).raise_for_status().json()["items"][0]["song_id"]
        )
        play = {"play_id": str(new_play_id(utc_now())), "played_ms": 120_000}
        client.post(f"/songs/{first}/play", json=play, headers=headers).raise_for_status()
        began = time.perf_counter()
        while any(
            item["song_id"] == first
            for item in client.get("/recommendations", headers=headers).raise_for_status().json()["items"]
        ):
            time.sleep(0.01)
        return f"{1000 * (time.perf_counter() - began):.0f} ms after the 202"


def make(home: Path, listeners: int, songs: int, seed: int) -> None:
    """Make the world and lay its history down as files."""
    until = utc_now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    history = make_world(
        np.random.default_rng(seed), listeners=listeners, songs=songs, days=DAYS, until=until
    ).history
    for name in FRAMES:
        getattr(history, name).write_parquet(home / f"{name}.parquet")


def take_in(home: Path) -> None:
    """Import the history that `make` laid down; it returns when every store holds it."""
    frames = {name: pl.read_parquet(home / f"{name}.parquet") for name in FRAMES}
    connected = foundation_settings.connected(Settings(SEGUE_HOME=home))
    import_with_progress(connected, History(source="world", **frames))


def table(console: Console, stages: list[Stage], title: str) -> None:
    shown = Table(title=title)
    for column in ("stage", "seconds", "own peak MB", *(f"{server} MB" for server in SERVERS), "note"):
        shown.add_column(column, justify="left" if column in ("stage", "note") else "right")
    for stage in stages:
        servers = [f"{stage.servers[name]:,.0f}" if name in stage.servers else "–" for name in SERVERS]
        own = "–" if stage.own is None else f"{stage.own:,.0f}"
        shown.add_row(stage.name, f"{stage.seconds:.1f}", own, *servers, stage.note)
    console.print(shown)


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench.journey", description=__doc__)
    arguments.add_argument("--events", type=int, nargs="+", default=[1_000_000, 10_000_000])
    arguments.add_argument("--seed", type=int, default=1)
    # How it calls itself, so that each stage has a process and a peak of its own.
    arguments.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments.add_argument("--make", type=int, nargs=3, help=argparse.SUPPRESS)
    arguments.add_argument("--import", dest="takes_in", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.make:
        make(given.home, *given.make)
        return
    if given.takes_in:
        take_in(given.home)
        return
    console = Console(width=160)
    for events in given.events:
        with tempfile.TemporaryDirectory(prefix="segue-journey-") as folder:
            bench = Bench(Path(folder))
            try:
                journey(bench, events, given.seed)
            finally:
                subprocess.run(
                    [sys.executable, "-m", "cli", "down"], cwd=REPOSITORY, env=bench.environment, check=False
                )
            table(
                console, bench.stages, f"A world of about {events:,} events: peak resident memory by process"
            )


def _client(connected: Settings) -> httpx.Client:
    address = foundation_settings.running_engines(connected)["api"]
    return httpx.Client(base_url=f"{address}/api/v1", timeout=60)


def _as(connected: Settings, listener: UserId) -> dict[str, str]:
    token = token_maker(connected).issue(listener, roles=["user"], now=utc_now())
    return {"Authorization": f"Bearer {token}"}


def _listeners(connected: Settings, number: int) -> list[UserId]:
    """Listeners spread over the world."""
    warehouse = open_clickhouse_reader(connected.engines.clickhouse_reader)
    try:
        found = warehouse.query("SELECT listener_id FROM listeners FINAL ORDER BY cityHash64(listener_id)")
        return [UserId(int(listener)) for listener in found.result_columns[0][:number]]
    finally:
        warehouse.close()


def _family(pid: int) -> list[int]:
    family = [pid]
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) in family:
                family.append(int(path.parent.name))
    return family


def _forget_peaks(pids: dict[str, list[int]]) -> None:
    """Have the kernel count each server's peak anew (proc(5), clear_refs)."""
    for pid in (pid for family in pids.values() for pid in family):
        with suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def _peak(pids: list[int]) -> float:
    """The peaks of these processes together, in MB; pages they share are counted for each."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return total * 1024 / MEGABYTE


if __name__ == "__main__":
    main()
