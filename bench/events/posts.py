"""Plays over HTTP, each on disk before its answer, beside a bare POST of the same server and bare syncs of the disk."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from bench.events.platform import platform
from bench.load import Told, answers, program, wait_until, warmed_up, worked_by, wrk
from embedded.ports import free_port
from event_log.segments import sync

CONNECTIONS = (16, 64, 256)
BLOCK = 4096  # bytes of a bare write


@dataclass(frozen=True, slots=True)
class Load:
    """Asks one address with wrk, which runs beside the server on the same processors."""

    song: int
    tokens: Sequence[str]
    seconds: float

    def of(self, port: int, connections: int, pause: float = 0.0) -> Told:
        """Each connection sends its next play at the answer of the last, or after a pause of so many ms on average."""
        return wrk("events/play.lua", port, connections, self.seconds, self.song, pause, *self.tokens)

    def peak(self, port: int) -> tuple[int, Told]:
        """The most plays a second, and with how many connections."""
        warmed_up(lambda: self.of(port, CONNECTIONS[0]))
        found = {connections: self.of(port, connections) for connections in CONNECTIONS}
        best = max(found, key=lambda connections: found[connections].per_second)
        return best, found[best]

    def at(self, port: int, per_second: float, connections: int = 64) -> Told:
        """About so many plays a second, at moments drawn by chance."""
        between = 1000 * connections / per_second  # milliseconds from one play of a connection to its next
        first = self.of(port, connections, max(0.0, between - 2))
        answer = 1000 * connections / first.per_second - max(0.0, between - 2)
        return self.of(port, connections, max(0.0, between - answer))


def posts(home: Path, seconds: float) -> list[Table]:
    """The table; needs wrk."""
    table = Table(
        title=f"plays told by wrk on the same {os.cpu_count()} processors, each on disk before its 202"
    )
    for column in (
        "server",
        "workers",
        "peak POSTs/s",
        "÷ bare",
        "CPU µs a POST",
        "÷ bare by CPU",
        "connections",
        "at half: POSTs/s",
        "p50 ms",
        "p99 ms",
    ):
        table.add_column(column, justify="left" if column == "server" else "right")
    with platform(home) as up:
        load, bare = Load(up.songs[0], up.tokens, seconds), (0.0, 0.0)
        for workers in (1, 2):
            bare = measured(table, "bare ASGI app", "bench.bare", workers, up.environment, load, None)
            measured(table, "gateway", "gateway", workers, up.environment, load, bare)
        with up.shipping():
            measured(table, "gateway + shipper", "gateway", 2, up.environment, load, bare)
    table.caption = f"bare fdatasync of {BLOCK} bytes: {bare_syncs(home, seconds):,.0f}/s"
    return [table]


def measured(
    table: Table,
    name: str,
    module: str,
    workers: int,
    environment: dict[str, str],
    load: Load,
    bare: tuple[float, float] | None,
) -> tuple[float, float]:
    """Measures one server, adds its row, and returns its peak and what a POST costs it."""
    port = free_port(13_000 + os.getpid() % 5_000)
    with program(environment, module, "--port", str(port), "--workers", str(workers)) as server:
        wait_until(lambda: answers(port), server)
        connections, peak = load.peak(port)
        worked = worked_by(server.pid)
        plays = load.of(port, connections).per_second * load.seconds
        worked = worked_by(server.pid) - worked
        half = load.at(port, peak.per_second / 2)
    cost = worked / plays * 1e6
    ratio, by_cost = (
        ("", "") if bare is None else (f"{peak.per_second / bare[0]:.2f}", f"{bare[1] / cost:.2f}")
    )
    numbers = (f"{half.per_second:,.0f}", f"{half.p50:.2f}", f"{half.p99:.2f}")
    rate = f"{peak.per_second:,.0f}"
    table.add_row(name, str(workers), rate, ratio, f"{cost:.0f}", by_cost, str(connections), *numbers)
    return peak.per_second, cost


def bare_syncs(folder: Path, seconds: float) -> float:
    """Appends of a block, each with its own fdatasync, a second."""
    block, done, ends_at = os.urandom(BLOCK), 0, time.perf_counter() + seconds
    with (folder / "bare").open("ab", buffering=0) as file:
        while time.perf_counter() < ends_at:
            file.write(block)
            sync(file.fileno())
            done += 1
    return done / seconds
