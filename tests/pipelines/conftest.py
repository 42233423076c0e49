"""A small world in a warehouse of its own, and the context in which jobs work on it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import numpy as np
import pytest

from foundation.engines import clickhouse
from foundation.engines.blobs import open_blobs
from foundation.engines.redis import Redis
from foundation.engines.vectors import open_vectors
from models.als.training import Parameters
from models.evaluation.datasets import Dataset
from models.registry import Registry, open_registry
from pipelines.context import Context
from pipelines.evaluation.events import of_history
from pipelines.world.world import make_world
from tests.conftest import Engines, own_redis
from warehouse.migrate import migrate

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SONG_COLUMNS = [
    *("song_id", "title", "artist_id", "artist", "album", "genre"),
    *("origin", "external_id", "version"),
]
LISTENER_COLUMNS = ["listener_id", "country", "origin", "external_id", "version"]
TOWN = 20  # listeners 1…20 and songs 101…120; even listeners love even songs


class World:
    """A warehouse to which a test adds what it needs."""

    def __init__(self, writer: clickhouse.Client, reader_url: str) -> None:
        self.writer = writer
        self.reader_url = reader_url

    def listen(
        self,
        listener: int,
        song: int,
        *,
        at: datetime = NOON - timedelta(days=1),
        times: int = 1,
        is_private: bool = False,
    ) -> None:
        """Somebody listens to a song, once or several times a minute apart."""
        moments = [at + timedelta(minutes=number) for number in range(times)]
        rows = [[uuid4(), listener, song, moment, 60_000, "organic", "", is_private] for moment in moments]
        columns = [
            "play_id",
            "listener_id",
            "song_id",
            "listened_at",
            "played_ms",
            "source",
            "origin",
            "is_private",
        ]
        self.writer.insert("listens", rows, column_names=columns)

    def remove_song(self, song: int) -> None:
        """The catalog tells that a song is no longer in it."""
        columns = ["song_id", "title", "artist_id", "artist", "is_removed", "version"]
        self.writer.insert("songs", [[song, f"Song {song}", 9, "Nine", True, 2]], column_names=columns)

    def import_count(
        self, listener: int, song: int, plays: int, at: datetime = NOON - timedelta(days=1)
    ) -> None:
        """A source without times says how often somebody played a song."""
        columns = ["origin", "listener_id", "song_id", "plays", "received_at"]
        row = ["old", listener, song, plays, at]
        self.writer.insert("imported_counts", [row], column_names=columns)

    def describe(self, songs: range, listeners: range) -> None:
        """The catalog tells of songs and listeners."""
        rows = [[song, f"Song {song}", 9, "Nine", "", "jazz", "old", f"s{song}", 1] for song in songs]
        self.writer.insert("songs", rows, column_names=SONG_COLUMNS)
        people = [[listener, "NL", "old", f"l{listener}", 1] for listener in listeners]
        self.writer.insert("listeners", people, column_names=LISTENER_COLUMNS)

    def settle_checkerboard_town(self) -> None:
        """Each listener has heard every song they love but the one of their own number."""
        self.describe(range(101, 101 + TOWN), range(1, 1 + TOWN + 1))  # the last listener has heard nothing
        columns = ["play_id", "listener_id", "song_id", "listened_at", "played_ms", "source", "origin"]
        loved = [
            (one, other)
            for one in range(TOWN)
            for other in range(TOWN)
            if (one - other) % 2 == 0 and one != other
        ]
        rows = [
            [UUID(int=number), 1 + listener, 101 + song, NOON - timedelta(days=1), 60_000, "organic", ""]
            for number, (listener, song) in enumerate(loved, start=1)
        ]
        self.writer.insert("listens", rows, column_names=columns)


@pytest.fixture
def world(engines: Engines) -> Iterator[World]:
    """An empty, migrated database of its own."""
    name = f"world_{np.random.default_rng().integers(10**9)}"
    boss = clickhouse.open_clickhouse(engines.clickhouse)
    boss.command(f"CREATE DATABASE {name}")
    writer = clickhouse.open_clickhouse(_in(name, engines.clickhouse))
    migrate(writer)
    yield World(writer, _in(name, engines.clickhouse_reader))
    boss.command(f"DROP DATABASE {name}")
    writer.close()
    boss.close()


class OneRegistry:
    """The registry of all tests, opened by the first that asks: MLflow takes seconds to load and make its tables."""

    def __init__(self, postgres_url: Callable[[], str], folder: Path) -> None:
        self._postgres_url, self._url = postgres_url, f"file://{folder}"
        self._opened: Registry | None = None

    def __call__(self) -> Registry:
        if self._opened is None:
            self._opened = open_registry(self._postgres_url(), open_blobs(self._url), self._url)
        return self._opened


@pytest.fixture(scope="session")
def registry(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> OneRegistry:
    return OneRegistry(lambda: engines.postgres, tmp_path_factory.mktemp("registry"))


@pytest.fixture
def redis(engines: Engines) -> Iterator[Redis]:
    """A database that a test has for itself."""
    with own_redis(engines, 8) as client:
        yield client


@pytest.fixture
def context(world: World, registry: OneRegistry, redis: Redis, tmp_path: Path) -> Iterator[Context]:
    """What jobs work with, at noon."""
    reader = clickhouse.open_clickhouse_reader(world.reader_url)
    url = f"file://{tmp_path}/blobs"
    yield Context(
        clickhouse=reader,
        blobs=open_blobs(url),
        blobs_url=url,
        vectors=open_vectors(f"edge://{tmp_path}/vectors"),
        redis=redis,
        registry=registry,
        at=NOON,
        als=Parameters(members=(3, 4), regularisation=1.0),
    )
    reader.close()


def _in(database: str, url: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


@pytest.fixture(scope="module")
def people() -> Dataset:
    """A small generated world, parted by time."""
    world = make_world(np.random.default_rng(5), listeners=150, songs=300, days=40, until=NOON)
    return of_history("world", world.history)
