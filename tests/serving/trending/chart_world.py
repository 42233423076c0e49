"""A warehouse of its own for charts, worlds by chance in it, and their charts counted from the listens themselves."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from foundation.clock import utc_now
from foundation.engines.clickhouse import Client, open_clickhouse
from serving.trending.charts import Charts
from serving.trending.counting import CAP
from serving.trending.rising import LEAST, rise
from serving.trending.schemas import KINDS, VIEWS, Asked, Of, Source
from serving.trending.windows import WINDOWS, Span, Window
from tests.conftest import Engines
from warehouse.migrate import migrate

RECOUNT = (Path(__file__).parent / "recount.sql").read_text()
EVERYTHING = (
    "listens",
    "removals",
    "chart_hours",
    "chart_days",
    "fresh_listens",
    "listener_song_days",
    "playlist_hours",
    "playlist_days",
    "playlists",
    "searches",
    "songs",
)
GENRES = ("pop", "Jazz", "")
COUNTRIES = ("NZ", "DE", "")
MONTH = timedelta(days=31)
PLACES = ((None, None), ("pop", None), ("jazz", "NZ"), ("none", "XX"))
HEARD: tuple[Of, ...] = ("songs", "artists", "albums", "playlists")


@dataclass(frozen=True)
class ChartWorld:
    """A database of the shared engine with the warehouse's tables, and what is told to it."""

    client: Client
    reader: str  # URL

    def empty(self) -> None:
        for table in EVERYTHING:
            self.client.command(f"TRUNCATE TABLE {table}")

    def release(self, songs: int, artists: int = 5) -> None:
        """Songs 1, 2, … with artists, albums and genres in turn; one album in eight is none."""
        rows = [
            (
                song,
                f"Song {song}",
                1 + song % artists,
                f"Artist {1 + song % artists}",
                song % 8,
                f"Album {song % 8}" if song % 8 else "",
                GENRES[song % 3],
                1,
            )
            for song in range(1, songs + 1)
        ]
        columns = ["song_id", "title", "artist_id", "artist", "album_id", "album", "genre", "version"]
        self.client.insert("songs", rows, column_names=columns)

    def publish(self, *playlists: int, is_public: bool = True, version: int = 1) -> None:
        """Say that everyone may see these playlists, or nobody."""
        rows = [(playlist, is_public, version) for playlist in playlists]
        self.client.insert("playlists", rows, column_names=["playlist_id", "is_public", "version"])

    def search(
        self,
        at: Sequence[datetime],
        queries: Sequence[str],
        listeners: Sequence[int],
        countries: Sequence[str] = (),
    ) -> None:
        """One search each."""
        told = {
            "search_id": pa.array([str(uuid4()) for _ in at]),
            "listener_id": pa.array(listeners, pa.uint64()),
            "query": pa.array(queries),
            "kind": pa.array(["songs"] * len(at)),
            "results": pa.array([3] * len(at), pa.uint32()),
            "searched_at": pa.array(at, pa.timestamp("ms", "UTC")),
            "country": pa.array(countries or ["NZ"] * len(at)),
        }
        self.client.insert_arrow("searches", pa.table(told))

    def listen(
        self,
        at: Sequence[datetime],
        songs: Sequence[int],
        listeners: Sequence[int] = (),
        countries: Sequence[str] = (),
        told_at: Sequence[datetime] = (),
        playlists: Sequence[int] = (),
    ) -> list[str]:
        """One listen each, in one insert; every third is private. Told now, unless said otherwise."""
        ids = [str(uuid4()) for _ in at]
        told = {
            "play_id": pa.array(ids),
            "listener_id": pa.array(listeners or range(1, len(at) + 1), pa.uint64()),
            "song_id": pa.array(songs, pa.uint64()),
            "listened_at": pa.array(at, pa.timestamp("ms", "UTC")),
            "played_ms": pa.array([60_000] * len(at), pa.uint32()),
            "country": pa.array(countries or ["NZ"] * len(at)),
            "playlist_id": pa.array(playlists or [0] * len(at), pa.uint64()),
            "is_private": pa.array([place % 3 == 0 for place in range(len(at))]),
        }
        if told_at:
            told["ingested_at"] = pa.array(told_at, pa.timestamp("ms", "UTC"))
        self.client.insert_arrow("listens", pa.table(told))
        return ids

    def remove(self, plays: Sequence[str]) -> None:
        """Take listens back, as their listeners do."""
        columns = self.client.query("DESCRIBE TABLE removals").result_columns[0]
        names = ", ".join(name for name in columns if name != "removed_at")
        sql = (
            f"INSERT INTO removals ({names}) SELECT {names} FROM listens WHERE play_id IN {{ids:Array(UUID)}}"  # noqa: S608
        )
        self.client.command(sql, {"ids": list(plays)})

    def recounted(
        self, of: str, span: Span, cap: int, genre: str | None, region: str | None
    ) -> list[tuple[int, int, int]]:
        """Ids, listens and those of the time before, most first, from `listens` and `removals` alone."""
        told = {
            **{
                name: f"{getattr(span, name):%Y-%m-%d %H:%M:%S}"
                for name in ("since", "close", "before_from", "before_to")
            },
            "cap": cap,
            "genre": "*" if genre is None else genre,
            "region": "*" if region is None else region,
            "of": of,
        }
        return [(who, heard, before) for who, heard, before in self.client.query(RECOUNT, told).result_rows]


@contextmanager
def chart_world(engines: Engines) -> Iterator[ChartWorld]:
    name = f"charts_{token_hex(4)}"
    engine = open_clickhouse(engines.clickhouse)
    engine.command(f"CREATE DATABASE {name}")
    client = open_clickhouse(f"{engines.clickhouse.rsplit('/', 1)[0]}/{name}")
    migrate(client)
    yield ChartWorld(client, f"{engines.clickhouse_reader.rsplit('/', 1)[0]}/{name}")
    client.close()
    engine.command(f"DROP DATABASE {name}")
    engine.close()


async def count(charts: Charts, source: Source, window: Window = "week") -> None:
    """Look, and count the charts of one source and window alone: all of them take a while."""
    assert await charts.look()
    for unit in charts.units.values():
        if (unit.source, unit.window) == (source, window):
            assert await charts.count(unit)


def scattered(rng: np.random.Generator, now: datetime, number: int, furthest: timedelta) -> list[datetime]:
    """Moments before now, half of them within the last two hours."""
    ages = rng.random(number) * np.where(
        rng.random(number) < 0.5, timedelta(hours=2).total_seconds(), furthest.total_seconds()
    )
    return [now - timedelta(seconds=float(age)) for age in ages]


def differences(
    world: ChartWorld, charts: Charts, windows: Sequence[Window] = WINDOWS
) -> list[tuple[object, ...]]:
    """Every chart of listens in memory that is not what a recount says."""
    found: list[tuple[object, ...]] = []
    wholes: dict[object, list[tuple[int, int, int]]] = {}
    for of, window, view, (genre, region) in product(HEARD, windows, VIEWS, PLACES):
        asked = Asked(of, window, "most_played", view, genre, region)
        unit, first = charts.list_of(asked, 100)
        risen, rising = charts.list_of(replace(asked, kind="rising"), 100)
        assert unit.span is not None
        assert risen.span is not None
        assert first is not None
        assert rising is not None
        cap = CAP if view == "cleaned" else 0
        counted = [each for each in world.recounted(of, unit.span, cap, genre, region) if each[1]]
        kept = list(zip(first.ids.tolist(), first.heard.tolist(), strict=True))
        expected = [(who, heard) for who, heard, _ in counted[:100]]
        if kept != expected or first.listens != sum(heard for _, heard, _ in counted):
            found.append((asked, kept[:3], expected[:3]))
        everything = "playlists" if of == "playlists" else "songs"
        if (whole := wholes.get((everything, window, view))) is None:
            whole = wholes[everything, window, view] = world.recounted(
                everything, risen.span, cap, None, None
            )
        rose = risen_of(world.recounted(of, risen.span, cap, genre, region), whole)
        told_risen = [*zip(rising.ids.tolist(), rising.heard.tolist(), rising.before.tolist(), strict=True)]
        if told_risen != rose:
            found.append(("rising", asked, told_risen[:3], rose[:3]))
    return found


def risen_of(
    counted: list[tuple[int, int, int]], whole: list[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """The same that rise, most first, as `rise` says, where the whole has so many."""
    before = sum(each for _, _, each in whole)
    if not before:
        return []
    growth = sum(heard for _, heard, _ in whole) / before
    scored = [(-rise(heard, before, growth), who, heard, before) for who, heard, before in counted if heard]
    return [(who, heard, before) for score, who, heard, before in sorted(scored) if -score >= LEAST][:100]


def tell(world: ChartWorld, rng: np.random.Generator, number: int, *, earlier: bool = False) -> list[str]:
    """So many listens of few people to songs of which five have no name; some were told hours ago, if `earlier`."""
    now = utc_now()
    at = scattered(rng, now, number, MONTH)
    hours_ago = [now - timedelta(hours=float(hours)) for hours in rng.uniform(0, 5, number)]
    told_at = [max(moment, late) for moment, late in zip(at, hours_ago, strict=True)] if earlier else ()
    return world.listen(
        at,
        (1 + rng.zipf(1.3, number) % 45).tolist(),
        rng.integers(1, 12, number).tolist(),
        rng.choice(COUNTRIES, number).tolist(),
        told_at,
        playlists=rng.choice([0, 0, 1, 2, 3], number).tolist(),
    )


async def happens(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    for _ in range(12_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("two minutes were not enough")


def lists_of(charts: Charts, windows: Sequence[Window] = WINDOWS) -> list[object]:
    """Every chart of listens as somebody who asks for it gets it."""
    found: list[object] = []
    for of, window, kind, view, (genre, region) in product(HEARD, windows, KINDS, VIEWS, PLACES):
        first = charts.list_of(Asked(of, window, kind, view, genre, region), 100)[1]
        assert first is not None
        found.append((first.listens, first.ids.tolist(), first.heard.tolist(), first.before.tolist()))
    return found


async def asked_for(charts: Charts, windows: Sequence[Window] = WINDOWS) -> None:
    """Somebody asks for every chart: who may have come in is looked up, and lists that fell short are counted anew."""
    for unit in charts.units.values():
        unit.due = float("inf")
    lists_of(charts, windows)
    await charts.look_up()
    for unit in charts.units.values():
        if unit.due < float("inf"):
            await charts.count(unit)
