"""A song and a kept feed read through the gateway, beside the least its server can do and an ordinary route.

`python -m bench.hot_reads`. A feed is kept where nothing has changed since it was made; each time it is another slate,
which the event log is told of.
"""

import argparse
import os
import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np
import polars as pl
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.events.platform import furnished
from bench.load import Told, answers, program, wait_until, worked_by, wrk
from bench.recommend import world
from embedded.engines import embedded_engines
from embedded.ports import free_port
from embedded.supervisor import Supervisor
from foundation import settings as foundation_settings
from foundation.contracts.tables import SongVectors
from foundation.engines.blobs import open_blobs
from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.port import Points
from foundation.settings import Settings, child_environment
from models import bundle as bundles
from serving.bundle import COLLECTION

CONNECTIONS = 64
PEOPLE = 200  # who ask, each for their own
SONG, FEED = "/api/v1/songs/{song}", "/api/v1/recommendations"
SERVERS = {
    "raw ASGI answer": (SONG, "bench.bare", "--app", "get"),
    "gateway: token, limit, metrics": (SONG, "gateway"),
    "gateway: a kept feed of 20 songs": (FEED, "gateway"),
    "gateway: the same where Redis is asked": (f"{FEED}?familiarity=0.0", "gateway"),
    "ordinary FastAPI route, nothing else": (SONG, "bench.bare", "--app", "ordinary"),
}
PUBLISHED = 2_000  # songs that the feeds are made from
# One person asks everything: the budget is counted, and is not used up.
BUDGET = {"SEGUE__LIMITS__FREE": "1000000000", "SEGUE__LIMITS__ADDRESS": "1000000000"}


@dataclass(frozen=True, slots=True)
class Round:
    """One server, asked for some seconds."""

    told: Told
    cost: float  # CPU microseconds of one request


def rounds_of(home: Path, seconds: float, rounds: int) -> dict[str, list[Round]]:
    """Every server by itself with one worker, in turns, so that what else the machine does meets all of them."""
    children, urls = embedded_engines(home, wanted={"postgres", "redis", "clickhouse"})
    found: dict[str, list[Round]] = {name: [] for name in SERVERS}
    with Supervisor(home, children, say=lambda _: None, urls=urls).running():
        settings = foundation_settings.connected(Settings(SEGUE_HOME=home))
        environment = {**child_environment(settings), **BUDGET}
        with program(environment, "cli.shipper", "--ready", f"{home}/run/shipper.ready") as shipper:
            wait_until((home / "run" / "shipper.ready").exists, shipper)
            songs, listeners, tokens = furnished(settings)
        publish(settings, listeners)
        for _ in track(range(rounds), "asking", console=Console(stderr=True)):
            for name, words in SERVERS.items():
                found[name].append(asked(environment, words, songs[0], tokens[:PEOPLE], seconds))
    return found


def asked(
    environment: dict[str, str], words: tuple[str, ...], song: int, tokens: list[str], seconds: float
) -> Round:
    port = free_port(13_000 + os.getpid() % 5_000)
    address, module, *options = words
    path = address.format(song=song if module == "gateway" else 1)
    with program(environment, module, "--port", str(port), "--workers", "1", *options) as server:
        wait_until(lambda: answers(port), server)
        if module == "gateway":  # until they are counted, feeds are asked for their charts again
            wait_until(lambda: has_charts(port, tokens[0]), server)
        ask_as_each(port, path, tokens)
        wrk("read.lua", port, CONNECTIONS, 1, path, *tokens)  # a first second warms it up
        before = worked_by(server.pid)
        told = wrk("read.lua", port, CONNECTIONS, seconds, path, *tokens)
        return Round(told, (worked_by(server.pid) - before) / (told.per_second * seconds) * 1e6)


def ask_as_each(port: int, path: str, tokens: list[str]) -> None:
    """So that each listener's feed is made and what Redis knows of them is held: a second time for who came before changes were heard."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        for token in [*tokens, *tokens]:
            client.get(path, headers={"Authorization": f"Bearer {token}"}).raise_for_status()


def has_charts(port: int, token: str) -> bool:
    """Whether the server has counted every kind of chart once; the months come last."""
    page = f"http://127.0.0.1:{port}/api/v1/songs/trending?kind=rising&view=cleaned&window=month"
    chart = httpx.get(page, headers={"Authorization": f"Bearer {token}"}, timeout=20).raise_for_status()
    return not chart.json()["stale"]


def publish(settings: Settings, listeners: list[int]) -> None:
    """A version that knows these listeners, of songs of its own."""
    made = world(PUBLISHED, len(listeners), 0, np.random.default_rng(1))
    known = pl.DataFrame({"listener_id": listeners})
    bundle = replace(made, listener_ids=np.array(listeners), listeners=known)
    bundles.save(bundle, open_blobs(settings.engines.blobs))
    vectors = open_vectors(settings.engines.vectors)
    vectors.publish(
        COLLECTION, bundle.version, Points(bundle.song_ids, {SongVectors.als: bundle.song_factors})
    )
    vectors.flip(COLLECTION, bundle.version)


def table_of(found: dict[str, list[Round]]) -> Table:
    """Medians; the ratios are of CPU time, which other work on the machine touches least, and of requests a second."""
    table = Table(title=f"One worker, {CONNECTIONS} connections of wrk beside it")
    for column in ("server", "CPU µs", "× raw by CPU", "requests/s", "× raw", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if column == "server" else "right")
    raw = found["raw ASGI answer"]
    raw_cost, raw_rate = _median([r.cost for r in raw]), _median([r.told.per_second for r in raw])
    for name, rounds in found.items():
        cost, rate = _median([r.cost for r in rounds]), _median([r.told.per_second for r in rounds])
        latency = [_median([getattr(r.told, which) for r in rounds]) for which in ("p50", "p99")]
        table.add_row(
            name,
            f"{cost:.0f}",
            f"{raw_cost / cost:.2f}",
            f"{rate:,.0f}",
            f"{rate / raw_rate:.2f}",
            *(f"{each:.2f}" for each in latency),
        )
    return table


def _median(values: list[float]) -> float:
    return statistics.median(values)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as home:
        found = rounds_of(Path(home), given.seconds, given.rounds)
    Console().print(table_of(found))


if __name__ == "__main__":
    main()
