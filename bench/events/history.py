"""How fast the listening history is filled, beside a bare COPY of the same rows.

A Postgres of its own, 200,000 songs and 100,000 listeners, the indexes of the catalog. Songs are played as they are in
life: few very often (Zipf with exponent 1), and for the worst case all alike.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
from rich.table import Table

from catalog_api.history.sink import HistorySink
from catalog_api.migrate import migrate
from foundation.clock import utc_now
from foundation.contracts.events import PlaybackEvent
from foundation.engines import postgres
from foundation.ids import new_play_id
from foundation.settings import REPOSITORY, Settings, running_engines

SONGS, ARTISTS, LISTENERS = 200_000, 20_000, 100_000
SIZES = (1_000, 10_000, 30_000)
PLAYS = 60_000  # of each size, so that each is measured over several segments
SHORT = 0.2  # of the plays do not count
NEW_PLAYS = timedelta(hours=1)


def history(home: Path) -> list[Table]:
    """The table."""
    rng = np.random.default_rng(1)
    table = Table(
        title="Plays a second into Postgres",
        caption="median over the segments; 20 % of the plays are too short to count",
    )
    for column in (
        "plays in a segment",
        "COPY",
        "history, songs as in life",
        "ratio",
        "history, songs all alike",
        "ratio",
    ):
        table.add_column(column, justify="right")
    with _postgres(home) as url:
        migrate(url)
        with postgres.connection(url) as db:
            _furnish(db)
            sink = HistorySink(url, utc_now)
            for size in SIZES:
                bare = _median(_copy(db, plays) for plays in _segments(rng, size, is_skewed=True))
                skewed = _median(_applied(sink, plays) for plays in _segments(rng, size, is_skewed=True))
                even = _median(_applied(sink, plays) for plays in _segments(rng, size, is_skewed=False))
                rates = (f"{skewed:,.0f}", f"{skewed / bare:.2f}", f"{even:,.0f}", f"{even / bare:.2f}")
                table.add_row(f"{size:,}", f"{bare:,.0f}", *rates)
            sink.close()
    return [table]


@contextmanager
def _postgres(home: Path) -> Iterator[str]:
    """The embedded Postgres on a home of its own; it ends with the block."""
    words = [sys.executable, "-m", "embedded", "--home", str(home), "--until-input-ends", "postgres"]
    with subprocess.Popen(
        words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if not any(line.strip() == "ready" for line in process.stdout):
            sys.exit("Postgres did not start")
        yield running_engines(Settings(SEGUE_HOME=home))["postgres"]
        process.communicate()


def _furnish(db: psycopg.Connection) -> None:
    """Songs, listeners, and a table for COPY with the indexes of the history."""
    db.execute(
        "INSERT INTO users (display_name) SELECT 'L' || n FROM generate_series(1, %s) AS n", (LISTENERS,)
    )
    db.execute("INSERT INTO artists (name) SELECT 'A' || n FROM generate_series(1, %s) AS n", (ARTISTS,))
    db.execute(
        "INSERT INTO albums (artist_id, title) SELECT n, 'A' FROM generate_series(1, %s) AS n", (ARTISTS,)
    )
    db.execute(
        "INSERT INTO songs (artist_id, album_id, title, genre, play_count) "
        "SELECT 1 + n %% %s, 1 + n %% %s, 'S' || n, 'g' || n %% 20, 1000000 / n FROM generate_series(1, %s) AS n",
        (ARTISTS, ARTISTS, SONGS),
    )
    db.execute("CREATE TABLE bare (LIKE listening_history)")
    db.execute("CREATE INDEX ON bare (user_id, played_at DESC)")
    db.execute("CREATE INDEX ON bare (song_id, played_at DESC)")
    db.execute("VACUUM ANALYZE")


def _segments(rng: np.random.Generator, size: int, *, is_skewed: bool) -> Iterator[list[PlaybackEvent]]:
    chances = 1 / np.arange(1, SONGS + 1) if is_skewed else np.ones(SONGS)
    for _ in range(PLAYS // size):
        songs = 1 + rng.choice(SONGS, size=size, p=chances / chances.sum())
        listeners = rng.integers(1, LISTENERS, size=size)
        lengths = np.where(rng.random(size) < SHORT, 10_000, 180_000)
        ages = rng.random(size) * NEW_PLAYS
        now = utc_now()
        yield [
            _play(now - age, int(song), int(listener), int(length))
            for age, song, listener, length in zip(ages, songs, listeners, lengths, strict=True)
        ]


def _play(at: datetime, song: int, listener: int, played_ms: int) -> PlaybackEvent:
    return PlaybackEvent(
        play_id=new_play_id(at),
        kind="end",
        listener_id=listener,
        song_id=song,
        started_at=at,
        received_at=at,
        played_ms=played_ms,
        song_ms=200_000,
    )


_number = iter(range(10**9))


def _applied(sink: HistorySink, plays: Sequence[PlaybackEvent]) -> float:
    began = time.perf_counter()
    sink.apply([f"bench-{next(_number)}"], plays)
    return len(plays) / (time.perf_counter() - began)


def _copy(db: psycopg.Connection, plays: Sequence[PlaybackEvent]) -> float:
    """The rows alone, as fast as the client can hand them over, committed."""
    began = time.perf_counter()
    with db.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
        for play in plays:
            copy.write_row(
                (play.listener_id, play.song_id, play.play_id, play.started_at, play.played_ms, play.source)
            )
    return len(plays) / (time.perf_counter() - began)


def _median(rates: Iterator[float]) -> float:
    return statistics.median(rates)
