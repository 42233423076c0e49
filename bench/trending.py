"""Charts in memory beside the raw query over the same listens: `python -m bench.trending [--events N] [--home FOLDER]`.

A ClickHouse of its own, 200,000 songs of 30 genres in ten countries, 20,000 playlists, listens and searches of 60 days, made
inside the warehouse in chunks so that its views count them. Each answer is compared with the raw query's, to the row. A home that
is named is kept, and not filled again when it has been.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count, product
from pathlib import Path
from uuid import uuid4

import numpy as np
import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from foundation.clock import utc_now
from foundation.engines.clickhouse import Client, open_clickhouse, open_clickhouse_reader_async
from foundation.settings import REPOSITORY, Settings, running_engines
from serving.trending.answers import answer
from serving.trending.charts import Charts
from serving.trending.counting import CAP, COUNTED_WITHIN
from serving.trending.playlists import PublicPlaylist
from serving.trending.schemas import KINDS, OF, SOURCES, VIEWS, Asked, Of
from serving.trending.units import name_of
from serving.trending.windows import WINDOWS, Span
from warehouse.migrate import migrate, statements

SONGS, PLAYLISTS = 200_000, 20_000
SEARCHES = 50  # listens for one search
CHUNK = 1_000_000  # listens of one insert
LIMIT, TRIES = 50, 5
SORTED = 5_000_000  # listens up to which the raw query sorts those of months by listener, to find repeats, in bounded memory
GIVE_UP = 30.0  # seconds
FRESH, LOOKS = 100, 50  # listens whose way into the charts is timed, and looks
LISTENERS = count(1_000_000)
USUAL = ("most_played", "raw")
HEARD: tuple[Of, ...] = ("songs", "artists", "albums", "playlists")
ORDERS = [*product(KINDS, VIEWS)]
CAME_INTO = [Asked(of, window, *order, region="NZ") for of, window, order in product(HEARD, WINDOWS, ORDERS)]
HERE = Path(__file__).parent
RAW_SONGS, RAW_SEARCHES, RAW = (
    (HERE / f"{name}.sql").read_text() for name in ("trending_songs", "trending_searches", "trending")
)
REPEATS = {
    RAW: "row_number() OVER (PARTITION BY listener_id, song_id, toDate(listened_at) ORDER BY listened_at, play_id) > {cap:UInt32}",
    RAW_SEARCHES: "listener_id != 0 AND row_number() OVER (PARTITION BY listener_id, query, toDate(searched_at) "
    "ORDER BY searched_at, search_id) > {cap:UInt32}",
}
WORLD = statements((HERE / "trending_world.sql").read_text())


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=50_000_000)
    arguments.add_argument("--home", type=Path, help="where the world is kept; default: nowhere")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as nowhere:
        home = given.home or Path(nowhere)
        with clickhouse(home) as engines:
            client = open_clickhouse(engines["clickhouse"])
            fill(client, given.events)
            asyncio.run(measured(client, engines["clickhouse_reader"], given.events))
            client.close()


@contextmanager
def clickhouse(home: Path) -> Iterator[Mapping[str, str]]:
    """The embedded ClickHouse on a home of its own; it ends with the block."""
    words = [sys.executable, "-m", "embedded", "--home", str(home), "--until-input-ends", "clickhouse"]
    with subprocess.Popen(
        words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if not any(line.strip() == "ready" for line in process.stdout):
            sys.exit("ClickHouse did not start")
        yield running_engines(Settings(SEGUE_HOME=home))
        process.communicate()


def fill(client: Client, events: int) -> None:
    """The world, with its rollups; what an earlier run began is gone on with."""
    migrate(client)
    songs, playlists, listens, searches = WORLD
    if not client.command("SELECT count() FROM songs"):
        client.command(songs, {"songs": SONGS})
        client.command(playlists, {"playlists": PLAYLISTS})
    held = int(str(client.command("SELECT count() FROM listens")))
    console = Console(stderr=True)
    for start in track(range(held, events, CHUNK), description=f"{events:,} listens", console=console):
        some = {"songs": SONGS, "playlists": PLAYLISTS, "events": min(CHUNK, events - start)}
        client.command(listens, some)
    if not client.command("SELECT count() FROM searches"):
        client.command(searches, {"searches": events // SEARCHES})
        client.command(
            "INSERT INTO removals (play_id, listener_id, song_id, listened_at, country, playlist_id, ingested_at, removed_at) "
            "SELECT play_id, listener_id, song_id, listened_at, country, playlist_id, ingested_at, ingested_at + INTERVAL 1 MINUTE "
            "FROM listens WHERE listener_id % 1000 = 0"
        )


async def measured(client: Client, reader: str, events: int) -> None:
    """Count all charts, compare and time them, then let listens come one by one."""
    console = Console(width=130)
    process = psutil.Process()
    charts = Charts(lambda: open_clickhouse_reader_async(reader, patience=COUNTED_WITHIN), utc_now)
    before = process.memory_info().rss
    await charts.look()  # opens the connection and loads code
    for unit in track(charts.units.values(), "counted", console=Console(stderr=True)):
        for _ in range(TRIES):
            if await charts.count(unit):
                break
        else:
            sys.exit("the warehouse does not count")
    memory = process.memory_info().rss - before
    console.print(cost(charts, memory))
    songs = [
        Asked("songs", window, genre=genre, region=region)
        for window, genre, region in product(WINDOWS, (None, "genre1", "genre20"), (None, "US", "NZ"))
    ]
    title = f"The {LIMIT} most played songs of {events:,} listens"
    console.print(await beside_raw(client, charts, songs, title))
    others = [
        Asked(of, window, *order, genre=None if of == "searches" else "genre1", region="US")
        for of, window, order in product(OF, WINDOWS, ORDERS)
        if events <= SORTED or window in ("hour", "day") or order == USUAL
    ]
    title = f"The first {LIMIT} of every kind of chart of {events:,} listens, of one genre and region (of searches: a region)"
    console.print(await beside_raw(client, charts, others, title))
    console.print(await freshness(client, charts))
    await charts.close()


async def beside_raw(client: Client, charts: Charts, wanted: Sequence[Asked], title: str) -> Table:
    """Each chart: its bytes as they are kept, encoded anew, counted, and raw."""
    table = Table(title=f"{title}: milliseconds, and how many times the raw query's speed")
    columns = (
        "chart|window|genre|region|kept (warm)|encoded anew (cold)|counted anew|raw query|raw ÷ cold|equal"
    )
    for column in columns.split("|"):
        table.add_column(column, justify="right")
    for asked in wanted:
        unit = charts.units[name_of(asked)]
        if unit.span is None or unit.span != Span.at(unit.window, utc_now()):
            await charts.look()
            await charts.count(unit)
        assert unit.span is not None
        rows, raw = asked_raw(client, asked, unit.span)
        kept = seconds(partial(answered, charts, asked), 1_000)
        cold = seconds(partial(encoded_anew, charts, asked), 100)
        equal = "yes" if told_of(charts, asked) == rows else "NO"
        table.add_row(
            " ".join([asked.of, *(word for word in (asked.kind, asked.view) if word not in USUAL)]),
            asked.window,
            asked.genre or "all",
            asked.region or "all",
            f"{kept * 1e3:.4f}",
            f"{cold * 1e3:.3f}",
            f"{unit.seconds * 1e3:,.0f}",
            f"{raw * 1e3:,.0f}",
            f"{raw / cold:,.0f}",
            equal,
        )
    return table


def asked_raw(client: Client, asked: Asked, span: Span) -> tuple[list[tuple[object, int]], float]:
    """What the raw query answers, and in how many seconds."""
    begins = span.before_from if asked.kind == "rising" else span.before_to
    moments = {"since": span.since, "close": span.close, "before_from": begins, "before_to": span.before_to}
    parameters: dict[str, object] = {name: f"{at:%Y-%m-%d %H:%M:%S}" for name, at in moments.items()}
    parameters |= {"genre": asked.genre or "", "region": asked.region or "", "limit": LIMIT, "of": asked.of}
    sql = RAW_SEARCHES if asked.of == "searches" else RAW
    if asked.of == "songs" and (asked.kind, asked.view) == USUAL:
        sql = RAW_SONGS
    if sql in REPEATS:
        sql = sql.replace("/* repeat */", REPEATS[sql] if asked.view == "cleaned" else "false")
    if asked.kind == "rising":
        sql = sql.replace("rises */ listens DESC", "DESC").replace("/* rises", "").replace("rises */", "")
    began = time.perf_counter()
    answer = client.query(sql, parameters | {"cap": CAP}).result_rows
    return [(who, listens) for who, listens in answer], time.perf_counter() - began


def told_of(charts: Charts, asked: Asked) -> list[tuple[object, int]]:
    """The same from memory."""
    unit, first = charts.list_of(asked, LIMIT)
    assert first is not None
    texts = unit.boards[asked.of].texts
    ids = [texts.get(who, who) for who in first.ids.tolist()]
    return list(zip(ids, first.heard.tolist(), strict=True))


class Catalog:
    """Knows at once which playlists are public: every second one, as the world has it."""

    async def public_among(self, playlist_ids: Sequence[int]) -> Mapping[int, PublicPlaylist]:
        """Those of these."""
        return {each: PublicPlaylist(f"Playlist {each}", 1, "Ann") for each in playlist_ids if each % 2}


def answered(charts: Charts, asked: Asked) -> bytes:
    """An answer as a request gets it, which waits for nobody here."""
    asking = answer(charts, asked, LIMIT, Catalog())
    try:
        asking.send(None)
    except StopIteration as answered:
        return bytes(answered.value)
    raise RuntimeError("an answer waits")


def encoded_anew(charts: Charts, asked: Asked) -> bytes:
    """An answer as the first who asks after a look gets it."""
    charts.answers.clear()
    return answered(charts, asked)


def cost(charts: Charts, memory: int) -> Table:
    """What all lists take, and how long each kind took to count (every genre and region)."""
    places = f"{charts.entries:,} places, {charts.nbytes / 2**20:.0f} MB of lists, {memory / 2**20:.0f} MB more resident"
    table = Table(title=f"Seconds to count every genre and region: {places}")
    for column in ("counted", "window", *(f"{kind}, {view}" for kind, view in ORDERS), "lists"):
        table.add_column(column, justify="right")
    for source, window in product(SOURCES, WINDOWS):
        units = [charts.units[source, window, *order] for order in ORDERS]
        lists = sum(len(unit.boards[of].by_key) for unit in units for of in SOURCES[source])
        what = " ".join(SOURCES[source])
        table.add_row(what, window, *(f"{unit.seconds:.2f}" for unit in units), f"{lists:,}")
    return table


async def freshness(client: Client, charts: Charts) -> Table:
    """How long until a listen is in every chart it belongs to, from before its insert, while charts are kept as they are served."""
    following = asyncio.create_task(charts.follow())
    took = []
    rng = np.random.default_rng(1)
    for _ in range(FRESH):
        await asyncio.sleep(rng.random() * 0.3)
        before = [(asked, listens_of(charts, asked)) for asked in CAME_INTO]
        began = time.monotonic()
        await asyncio.to_thread(insert, client)
        while not all(has_moved(charts, *each) for each in before):
            await asyncio.sleep(0.01)
            if following.done() or time.monotonic() - began > GIVE_UP:
                raise RuntimeError("a listen does not come into the charts")
        took.append(time.monotonic() - began)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    looks, server = [], warehouse_process()
    cpu = server.cpu_times().user + server.cpu_times().system
    for _ in range(LOOKS):
        await asyncio.to_thread(insert, client)
        began = time.monotonic()
        await charts.look()
        looks.append(time.monotonic() - began)
    cpu = server.cpu_times().user + server.cpu_times().system - cpu
    table = Table(
        title=f"From a listen's insert to all {len(CAME_INTO)} charts that it belongs to, {FRESH} listens, milliseconds"
    )
    for column in (
        "p50",
        "p99",
        "longest",
        "a look with one new listen",
        "CPU of ClickHouse, its insert too",
    ):
        table.add_column(column, justify="right")
    tails = (f"{np.percentile(took, which) * 1e3:,.0f}" for which in (50, 99, 100))
    table.add_row(*tails, f"{statistics.median(looks) * 1e3:,.0f}", f"{cpu / LOOKS * 1e3:,.0f}")
    return table


def warehouse_process() -> psutil.Process:
    """The ClickHouse of this run."""
    (found,) = (
        each
        for each in psutil.Process().children(recursive=True)
        if "embedded.clickhouse" in each.cmdline() and not each.children()
    )
    return found


def listens_of(charts: Charts, asked: Asked) -> tuple[int, Span | None]:
    """All listens of a chart, and over what."""
    unit, first = charts.list_of(asked, 1)
    return 0 if first is None else first.listens, unit.span


def has_moved(charts: Charts, asked: Asked, earlier: tuple[int, Span | None]) -> bool:
    """Whether a chart has more listens than before, or begins later and can not be compared."""
    listens, span = listens_of(charts, asked)
    return listens > earlier[0] or span != earlier[1]


def insert(client: Client) -> None:
    """One listen, now, of the song that is played most, by somebody else each time."""
    client.insert(
        "listens",
        [(uuid4(), next(LISTENERS), 1, utc_now(), 60_000, "NZ", 1)],
        column_names=[
            "play_id",
            "listener_id",
            "song_id",
            "listened_at",
            "played_ms",
            "country",
            "playlist_id",
        ],
    )


def seconds(work: Callable[[], object], times: int) -> float:
    """The median time of one call."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


if __name__ == "__main__":
    main()
