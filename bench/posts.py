"""Plays over HTTP, each on disk before its answer, beside a bare POST of the same server and bare syncs of the disk."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from rich.table import Table

from bench.load import Told, answers, program, wait_until, worked_by, wrk
from cli.imports import import_with_progress
from cli.tokens import find
from embedded.engines import embedded_engines
from embedded.ports import free_port
from embedded.supervisor import Supervisor
from event_log.segments import sync
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.engines.clickhouse import open_clickhouse_reader
from foundation.security import token_maker
from foundation.settings import Limits, Settings, child_environment
from pipelines.world.world import make_world

CONNECTIONS = (16, 64, 256)
PLAYERS = 20
BLOCK = 4096  # bytes of a bare write


@dataclass(frozen=True, slots=True)
class Load:
    """Asks one address with wrk, which runs beside the server on the same processors."""

    song: int
    tokens: Sequence[str]
    seconds: float

    def of(self, port: int, connections: int, pause: float = 0.0) -> Told:
        """Each connection sends its next play at the answer of the last, or after a pause of so many ms on average."""
        return wrk("play.lua", port, connections, self.seconds, self.song, pause, *self.tokens)

    def peak(self, port: int) -> tuple[int, Told]:
        """The most plays a second, and with how many connections."""
        self.of(port, CONNECTIONS[0])  # a first round warms it up
        found = {connections: self.of(port, connections) for connections in CONNECTIONS}
        best = max(found, key=lambda connections: found[connections].per_second)
        return best, found[best]

    def at(self, port: int, per_second: float, connections: int = 64) -> Told:
        """About so many plays a second, at moments drawn by chance."""
        between = 1000 * connections / per_second  # milliseconds from one play of a connection to its next
        first = self.of(port, connections, max(0.0, between - 2))
        answer = 1000 * connections / first.per_second - max(0.0, between - 2)
        return self.of(port, connections, max(0.0, between - answer))


def posts(home: Path, seconds: float) -> Table:
    """The table; needs wrk."""
    # One address and a few listeners send everything: no budget of requests is meant for that.
    told = Settings(SEGUE_HOME=home, limits=Limits(enabled=False))
    children, urls = embedded_engines(home, wanted={"postgres", "redis", "clickhouse"})
    table = Table(
        title=f"plays told by wrk on the same {os.cpu_count()} processors, each on disk before its 202"
    )
    for column in (
        "server",
        "workers",
        "peak POSTs/s",
        "÷ bare",
        "CPU µs a POST",
        "connections",
        "at half: POSTs/s",
        "p50 ms",
        "p99 ms",
    ):
        table.add_column(column, justify="left" if column == "server" else "right")
    with Supervisor(home, children, say=lambda _: None, urls=urls).running():
        settings = foundation_settings.connected(told)
        environment = {**child_environment(settings), "SEGUE__LIMITS__ENABLED": "false"}
        with program(environment, "cli.shipper", "--ready", f"{home}/run/shipper.ready") as shipper:
            wait_until((home / "run" / "shipper.ready").exists, shipper)
            song, tokens = furnished(settings)
        load, bare = Load(song, tokens, seconds), 0.0
        for workers in (1, 2):
            bare = measured(table, "bare ASGI app", "bench.bare", workers, environment, load, None)
            measured(table, "gateway", "gateway", workers, environment, load, bare)
        with program(environment, "cli.shipper"):
            measured(table, "gateway + shipper", "gateway", 2, environment, load, bare)
    table.caption = f"bare fdatasync of {BLOCK} bytes: {bare_syncs(home, seconds):,.0f}/s"
    return table


def furnished(settings: Settings) -> tuple[int, list[str]]:
    """A small world in the catalog; one of its songs, and tokens of some listeners."""
    world = make_world(
        np.random.default_rng(1), listeners=PLAYERS, songs=50, days=2, until=utc_now() - timedelta(hours=1)
    )
    import_with_progress(settings, world.history)
    with open_clickhouse_reader(settings.engines.clickhouse_reader) as client:
        song = int(str(client.command("SELECT min(song_id) FROM songs")))
    maker = token_maker(settings)
    names = [f"{world.history.source}:{name}" for name in world.history.listeners["external_id"]]
    players = [find(settings.engines.postgres, name) for name in names]
    return song, [maker.issue(player, roles=["user"], now=utc_now()) for player in players]


def measured(
    table: Table,
    name: str,
    module: str,
    workers: int,
    environment: dict[str, str],
    load: Load,
    bare: float | None,
) -> float:
    """Measures one server, adds its row, and returns its peak."""
    port = free_port(13_000 + os.getpid() % 5_000)
    with program(environment, module, "--port", str(port), "--workers", str(workers)) as server:
        wait_until(lambda: answers(port), server)
        connections, peak = load.peak(port)
        worked = worked_by(server.pid)
        plays = load.of(port, connections).per_second * load.seconds
        worked = worked_by(server.pid) - worked
        half = load.at(port, peak.per_second / 2)
    ratio = "" if bare is None else f"{peak.per_second / bare:.2f}"
    numbers = (f"{half.per_second:,.0f}", f"{half.p50:.2f}", f"{half.p99:.2f}")
    cost = f"{worked / plays * 1e6:.0f}"
    table.add_row(name, str(workers), f"{peak.per_second:,.0f}", ratio, cost, str(connections), *numbers)
    return peak.per_second


def bare_syncs(folder: Path, seconds: float) -> float:
    """Appends of a block, each with its own fdatasync, a second."""
    block, done, ends_at = os.urandom(BLOCK), 0, time.perf_counter() + seconds
    with (folder / "bare").open("ab", buffering=0) as file:
        while time.perf_counter() < ends_at:
            file.write(block)
            sync(file.fileno())
            done += 1
    return done / seconds
