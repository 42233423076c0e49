"""The whole platform on a home of its own, as `segue up` starts it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from catalog_api.migrate import migrate as migrate_postgres
from cli.imports import import_with_progress
from cli.tokens import find
from event_log.shipper import pending
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.contracts.history import ARTISTS, LISTENERS, SONGS, History
from foundation.engines.clickhouse import Client, open_clickhouse_reader
from foundation.security import token_maker
from foundation.settings import REPOSITORY, Settings, running_engines

SOURCE = "faults"
LISTENER_COUNT, SONG_COUNT = 20, 50
SHIPPED_WITHIN = 180  # seconds: a victim killed often is started again with growing pauses


@dataclass(frozen=True, slots=True)
class Platform:
    """Starts it, furnishes it with a few songs and listeners, and tells where its parts are."""

    home: Path

    @property
    def settings(self) -> Settings:
        return foundation_settings.connected(Settings(SEGUE_HOME=self.home))

    @property
    def address(self) -> str:
        return running_engines(self.settings)["api"]

    @contextmanager
    def running(self) -> Iterator["Platform"]:
        """Up while inside; ended after it, whatever happened."""
        environment = {**os.environ, "SEGUE_HOME": str(self.home), "PYTHONPATH": str(REPOSITORY)}
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--port", "0"],
            cwd=self.home,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            said = [process.stdout.readline()] if process.stdout else []
            while process.stdout and said[-1] and "Segue is ready" not in said[-1]:
                said.append(process.stdout.readline())
            if not said[-1]:
                raise AssertionError("the platform did not start: " + "".join(said))
            yield self
        finally:
            process.terminate()
            process.communicate(timeout=60)

    def furnish(self) -> tuple[list[int], list[str]]:
        """Put songs and listeners into the catalog; returns the songs' ids and a token for each listener."""
        connected = self.settings
        migrate_postgres(connected.engines.postgres)
        import_with_progress(connected, furniture())
        maker, now = token_maker(connected), utc_now()
        listeners = [find(connected.engines.postgres, f"{SOURCE}:{n}") for n in range(LISTENER_COUNT)]
        songs = self.warehouse().query("SELECT song_id FROM songs FINAL ORDER BY song_id").result_columns[0]
        return [int(song) for song in songs], [maker.issue(id_, roles=["user"], now=now) for id_ in listeners]

    def pid_of(self, part: str) -> int | None:
        """The process of a part that is up; None while it is being started again."""
        status = json.loads((self.home / "run" / "status.json").read_text())
        states = {child["name"]: child for child in status["children"]}
        return int(states[part]["pid"]) if states[part]["state"] == "healthy" else None

    def warehouse(self) -> Client:
        return open_clickhouse_reader(self.settings.engines.clickhouse_reader)

    def wait_until_shipped(self) -> None:
        """Return when no event waits in the log; fail when that takes too long."""
        give_up = time.monotonic() + SHIPPED_WITHIN
        while left := pending(self.settings.log_dir):
            if time.monotonic() > give_up:
                raise AssertionError(f"{left} segments are still not shipped after {SHIPPED_WITHIN} s")
            time.sleep(0.2)


def furniture() -> History:
    """Twenty listeners, five artists and fifty songs of two minutes and more; nobody has played anything."""
    artists = [{"external_id": f"{n}", "name": f"Artist {n}", "country": ""} for n in range(5)]
    songs = [
        {
            "external_id": f"{n}",
            "artist_external_id": f"{n % 5}",
            "title": f"Song {n}",
            "album": "",
            "genre": "",
            "song_ms": 120_000 + n,
            "released_on": None,
        }
        for n in range(SONG_COUNT)
    ]
    listeners = [{"external_id": f"{n}", "country": ""} for n in range(LISTENER_COUNT)]
    return History(
        SOURCE,
        pl.DataFrame(listeners, schema=LISTENERS),
        pl.DataFrame(artists, schema=ARTISTS),
        pl.DataFrame(songs, schema=SONGS),
    )
