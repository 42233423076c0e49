"""Every ordinary endpoint of a large catalog at a steady pace, so many requests a second: `python -m bench.catalogue`.

Each is measured in some rounds, which lie minutes apart: the table tells the median of their percentiles, and the worst
of their p99s beside it, which tells what else the machine did. The CPU of the gateway says the same on a busy machine.
"""

import argparse
import asyncio
import gc
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import psycopg
import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.load import answers, program, wait_until, worked_by, worked_in
from catalog_api.migrate import migrate
from embedded.engines import embedded_engines
from embedded.ports import free_port
from embedded.supervisor import Supervisor
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.engines import postgres
from foundation.ids import UserId
from foundation.security import token_maker
from foundation.settings import Settings, child_environment

PEOPLE = 200  # who ask, of all listeners
SQL = Path(__file__).parent / "catalogue.sql"


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    songs: int
    listeners: int


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, made by chance."""

    method: str
    path: str
    body: Any = None


@dataclass(slots=True)
class Taken:
    """How long an endpoint's requests took, from the moment each was due, and how they were answered."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    cpu_us: float = 0.0  # of the gateway, for one request
    beside_us: float = 0.0  # of the shipper and the engines, for one request

    def percentile(self, which: float) -> float:
        return float(np.percentile(self.milliseconds, which))


Endpoint = Callable[[np.random.Generator, Size], Ask]


def _of_song(method: str, path: str, body: Any = None) -> Endpoint:
    return lambda rng, size: Ask(method, path.format(rng.integers(1, size.songs + 1)), body)


def _of_artist(path: str, method: str = "GET") -> Endpoint:
    return lambda rng, size: Ask(method, path.format(rng.integers(1, size.songs // 20 + 1)))


def _of_album(path: str) -> Endpoint:
    return lambda rng, size: Ask("GET", path.format(rng.integers(1, size.songs // 10 + 1)))


def _of_person(path: str, method: str = "GET") -> Endpoint:
    # Not one of those who ask: nobody follows, blocks or sends to themselves.
    return lambda rng, size: Ask(method, path.format(rng.integers(PEOPLE + 1, size.listeners + 1)))


def _plain(path: str, method: str = "GET", body: Any = None) -> Endpoint:
    return lambda _rng, _size: Ask(method, path, body)


def _added(rng: np.random.Generator, size: Size) -> Ask:
    song = int(rng.integers(1, size.songs + 1))
    return Ask("POST", f"/playlists/{rng.integers(1, PEOPLE + 1)}/songs", {"song_id": song})


def _made(rng: np.random.Generator, size: Size) -> Ask:
    return Ask("POST", "/playlists", {"name": f"Playlist {rng.integers(1_000_000)}"})


ENDPOINTS: dict[str, Endpoint] = {
    "GET /songs/{id}": _of_song("GET", "/songs/{}"),
    "GET /artists/{id}": _of_artist("/artists/{}"),
    "GET /albums/{id}": _of_album("/albums/{}"),
    "GET /playlists/{id}": lambda rng, size: Ask(
        "GET", f"/playlists/{rng.integers(PEOPLE + 1, size.listeners + 1)}"
    ),
    "GET /songs?artist_id": _of_artist("/songs?artist_id={}"),
    "GET /songs?album_id": _of_album("/songs?album_id={}"),
    "GET /songs?genre": lambda rng, _: Ask("GET", f"/songs?genre=genre{rng.integers(30)}&limit=50"),
    "GET /artists": _plain("/artists?limit=50"),
    "GET /artists/{id}/songs": _of_artist("/artists/{}/songs"),
    "GET /artists/{id}/albums": _of_artist("/artists/{}/albums"),
    "GET /genres": _plain("/genres"),
    "GET /playlists/{id}/songs": lambda rng, size: Ask(
        "GET", f"/playlists/{rng.integers(PEOPLE + 1, size.listeners + 1)}/songs?limit=50"
    ),
    "GET /me": _plain("/me"),
    "GET /me/preferences": _plain("/me/preferences"),
    "GET /me/subscription": _plain("/me/subscription"),
    "GET /users/{id}": _of_person("/users/{}"),
    "GET /me/playlists": _plain("/me/playlists"),
    "GET /users/{id}/playlists": _of_person("/users/{}/playlists"),
    "GET /me/history": _plain("/me/history?limit=50"),
    "GET /me/feed": _plain("/me/feed"),
    "GET /me/following/listeners": _plain("/me/following/listeners"),
    "GET /users/{id}/followers": _of_person("/users/{}/followers"),
    "GET /me/loves/songs": _plain("/me/loves/songs"),
    "GET /me/inbox": _plain("/me/inbox"),
    "GET /songs/{id}/lyrics": lambda rng, size: Ask(
        "GET", f"/songs/{rng.integers(1, size.songs // 100)}/lyrics"
    ),
    "PATCH /me/preferences": _plain("/me/preferences", "PATCH", {"language": "de"}),
    "PUT /me/loves/songs/{id}": _of_song("PUT", "/me/loves/songs/{}"),
    "PUT /me/following/listeners/{id}": _of_person("/me/following/listeners/{}", "PUT"),
    "POST /playlists": _made,
    "POST /playlists/{id}/songs": _added,
}
OK = frozenset({200, 201, 204, 304})


def fill(url: str, size: Size) -> None:
    """Make the catalog; the first listeners are those who ask, and each owns the playlist of their number."""
    migrate(url)
    statements = SQL.read_text().split(";\n")
    values = {"songs": size.songs, "listeners": size.listeners, "now": utc_now()}
    with postgres.connection(url, name="bench") as db:
        db.execute("SET synchronous_commit = off")
        for statement in track(statements, "filling the catalog", console=Console(stderr=True)):
            if statement.strip():
                _run(db, statement, values)


@contextmanager
def _engines(home: Path) -> Iterator[Settings]:
    children, urls = embedded_engines(home, wanted={"postgres", "redis", "clickhouse"})
    with Supervisor(home, children, say=lambda _: None, urls=urls).running():
        yield foundation_settings.connected(Settings(SEGUE_HOME=home))


def _run(db: psycopg.Connection, statement: str, values: dict[str, Any]) -> None:
    if "%(" in statement:
        db.execute(statement.encode(), values)
    else:
        db.execute(statement.encode())


def _person(port: int, token: str) -> aiohttp.ClientSession:
    """Somebody with connections of their own, as people have: with those of others, a few would carry nearly everything, and
    perhaps all to one worker.

    They are let go before the server lets them go: who asks at that very moment would meet a closed one.
    """
    kept, headers = aiohttp.TCPConnector(keepalive_timeout=3), {"Authorization": f"Bearer {token}"}
    return aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=kept, headers=headers)


async def paced(
    port: int, tokens: Sequence[str], endpoint: Endpoint, size: Size, rate: float, seconds: float, seed: int
) -> Taken:
    """Send so many requests a second, each when it is due, whether or not others have been answered."""
    rng, taken = np.random.default_rng(seed), Taken()
    async with AsyncExitStack() as opened:
        people = [await opened.enter_async_context(_person(port, token)) for token in tokens]
        begun_at = time.perf_counter()

        async def ask(due: float, person: aiohttp.ClientSession, asked: Ask) -> None:
            await asyncio.sleep(max(0.0, begun_at + due - time.perf_counter()))
            async with person.request(asked.method, f"/api/v1{asked.path}", json=asked.body) as answer:
                await answer.read()
            taken.milliseconds.append(1000 * (time.perf_counter() - begun_at - due))
            taken.statuses[answer.status] += 1

        asks = []
        for number in range(int(rate * seconds)):
            asked = endpoint(rng, size)
            who = int(asked.path.split("/")[2]) - 1 if endpoint is _added else rng.integers(PEOPLE)
            asks.append(ask(0.5 + number / rate, people[who], asked))
        await asyncio.gather(*asks)
    return taken


def measured(home: Path, size: Size, rate: float, seconds: float, rounds: int, only: str = "") -> Table:
    """Fill a catalog, and ask every endpoint of a gateway with two workers whose name holds `only`."""
    wanted = {name: endpoint for name, endpoint in ENDPOINTS.items() if only in name}
    with _engines(home) as settings:
        fill(settings.engines.postgres, size)
    # Stopping wrote what filling had left in Postgres's memory, and this the rest: not while we measure.
    os.sync()
    taken: dict[str, list[Taken]] = {name: [] for name in wanted}
    with _engines(home) as settings:
        environment = {**child_environment(settings), "SEGUE__LIMITS__ENABLED": "false"}
        port = free_port(13_000 + os.getpid() % 5_000)
        maker = token_maker(settings)
        tokens = [maker.issue(UserId(one), roles=["user"], now=utc_now()) for one in range(1, PEOPLE + 1)]
        with (
            program(environment, "cli.shipper") as shipper,
            program(environment, "gateway", "--port", str(port), "--workers", "2") as server,
        ):
            wait_until(lambda: answers(port), server)
            turns = [(turn, name) for turn in range(rounds) for name in wanted]
            for seed, (_, name) in enumerate(track(turns, "asking", console=Console(stderr=True))):
                asking = partial(paced, port, tokens, wanted[name], size, rate)
                uvloop.run(asking(1, 1_000_000 + seed))  # warms connections up
                worked, beside = worked_by(server.pid), _beside(home, shipper.pid)
                gc.collect()  # and not while we measure: it would stop who asks
                gc.disable()
                told = uvloop.run(asking(seconds, seed))
                gc.enable()
                told.cpu_us = (worked_by(server.pid) - worked) / (rate * seconds) * 1e6
                told.beside_us = (_beside(home, shipper.pid) - beside) / (rate * seconds) * 1e6
                taken[name].append(told)
    title = f"{size.songs:,} songs, {size.listeners:,} listeners; {rate:.0f} requests/s of each endpoint, {rounds} times {seconds:.0f} s"
    times = ("p50 ms", "p99 ms", "worst p99 ms", "slowest ms")
    heads = ("endpoint", *times, "gateway CPU µs", "other CPU µs", "answers")
    table = Table(*heads, title=title)
    for name, told in taken.items():
        table.add_row(name, *_cells(told))
    return table


def _beside(home: Path, shipper: int) -> float:
    """CPU seconds so far of all that works beside the gateway."""
    return worked_by(shipper) + sum(worked_in(home).values())


def _cells(rounds: Sequence[Taken]) -> list[str]:
    statuses = sum((taken.statuses for taken in rounds), Counter[int]())
    refused = {status: number for status, number in statuses.items() if status not in OK}
    told = f"{statuses.total():,}" + (f", of them {refused}" if refused else "")
    p99s = [taken.percentile(99) for taken in rounds]
    return [
        f"{np.median([taken.percentile(50) for taken in rounds]):.1f}",
        f"{np.median(p99s):.1f}",
        f"{max(p99s):.1f}",
        f"{max(max(taken.milliseconds) for taken in rounds):.1f}",
        f"{np.median([taken.cpu_us for taken in rounds]):,.0f}",
        f"{np.median([taken.beside_us for taken in rounds]):,.0f}",
        told,
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--songs", type=int, default=1_000_000)
    arguments.add_argument("--listeners", type=int, default=100_000)
    arguments.add_argument("--rate", type=float, default=200)
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--only", default="", help="endpoints whose name holds this")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as home:
        Path(home).chmod(0o755)
        size = Size(given.songs, given.listeners)
        table = measured(Path(home), size, given.rate, given.seconds, given.rounds, given.only)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
