"""A warehouse of its own for charts, worlds by chance in it, and their charts counted from the listens themselves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import numpy as np
import pyarrow as pa

from foundation.engines.clickhouse import Client, open_clickhouse
from serving.trending.charts import Charts
from serving.trending.schemas import Source
from serving.trending.windows import Span, Window
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
