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
        """Songs 1, 2, … with artists and genres in turn."""
        rows = [
            (song, f"Song {song}", 1 + song % artists, f"Artist {1 + song % artists}", GENRES[song % 3], 1)
            for song in range(1, songs + 1)
        ]
        self.client.insert(
            "songs", rows, column_names=["song_id", "title", "artist_id", "artist", "genre", "version"]
        )

    def listen(
        self,
        at: Sequence[datetime],
        songs: Sequence[int],
        listeners: Sequence[int] = (),
        countries: Sequence[str] = (),
        told_at: Sequence[datetime] = (),
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
        self, of: str, since: datetime, close: datetime, cap: int, genre: str | None, region: str | None
    ) -> list[tuple[int, int]]:
        """Ids and listens, most first, from `listens` and `removals` alone."""
        told = {
            "since": f"{since:%Y-%m-%d %H:%M:%S}",
            "close": f"{close:%Y-%m-%d %H:%M:%S}",
            "cap": cap,
            "genre": "*" if genre is None else genre,
            "region": "*" if region is None else region,
            "of": of,
        }
        return [(who, heard) for who, heard in self.client.query(RECOUNT, told).result_rows]


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


def scattered(rng: np.random.Generator, now: datetime, number: int, furthest: timedelta) -> list[datetime]:
    """Moments before now, half of them within the last two hours."""
    ages = rng.random(number) * np.where(
        rng.random(number) < 0.5, timedelta(hours=2).total_seconds(), furthest.total_seconds()
    )
    return [now - timedelta(seconds=float(age)) for age in ages]
