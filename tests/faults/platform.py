"""The whole platform on a home of its own, as `segue up` starts it; whatever ends it, it is started again at once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import httpx
import polars as pl
import psutil

from catalog_api.migrate import migrate as migrate_postgres
from cli.imports import import_with_progress
from cli.tokens import find
from embedded.ports import free_port
from event_log.shipper import pending
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.contracts.history import ARTISTS, LISTENERS, SONGS, History
from foundation.engines.clickhouse import Client, open_clickhouse_reader
from foundation.engines.redis import Redis, open_redis
from foundation.ids import UserId
from foundation.security import token_maker
from foundation.settings import REPOSITORY, Settings

SOURCE = "faults"
LISTENER_COUNT, SONG_COUNT = 20, 150  # more songs than a listener's recent songs have room for
UP_WITHIN = 120  # seconds
LAST_CHART = (
    "/api/v1/songs/trending?kind=rising&view=cleaned&window=month"  # the others are counted before it
)
SHIPPED_WITHIN = 180  # seconds: a victim killed often is started again with growing pauses
PAUSE = 0.2  # seconds before `segue up` is run again


class Platform:
    """Keeps it up as a service manager would, furnishes it, and tells where its parts are."""

    def __init__(self, home: Path) -> None:
        self.home = home
        # Away from where others look first: the port is free for a moment each time the platform is started again.
        self.port = free_port(12_000 + os.getpid() % 8_000)
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = Event()

    @property
    def settings(self) -> Settings:
        return foundation_settings.connected(Settings(SEGUE_HOME=self.home))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator["Platform"]:
        """Up while inside; ended after it, whatever happened."""
        keeping = Thread(target=self._keep_up, name="keep-up", daemon=True)
        keeping.start()
        try:
            self.wait_until_up()
            yield self
        finally:
            self._stopping.set()
            if self._process is not None:
                self._process.terminate()
            keeping.join(60)

    def wait_until_up(self) -> None:
        """Return when the API answers and the shipper ships; fail when that takes too long."""
        give_up = time.monotonic() + UP_WITHIN
        while not (self._answers() and self.pid_of("shipper")):
            if time.monotonic() > give_up:
                raise AssertionError("the platform is not up: " + self._said())
            time.sleep(0.1)

    def furnish(self) -> tuple[list[int], dict[UserId, str]]:
        """Put songs and listeners into the catalog; returns the songs' ids and a token for each listener."""
        connected = self.settings
        migrate_postgres(connected.engines.postgres)
        import_with_progress(connected, furniture())
        maker, now = token_maker(connected), utc_now()
        listeners = [find(connected.engines.postgres, f"{SOURCE}:{n}") for n in range(LISTENER_COUNT)]
        songs = self.warehouse().query("SELECT song_id FROM songs FINAL ORDER BY song_id").result_columns[0]
        return [int(song) for song in songs], {
            id_: maker.issue(id_, roles=["user"], now=now) for id_ in listeners
        }

    def wait_until_charted(self) -> None:
        """Return when every kind of chart was counted once: of a platform that has just begun, that is most of the work."""
        give_up = time.monotonic() + UP_WITHIN
        while httpx.get(self.address + LAST_CHART, timeout=20).raise_for_status().json()["stale"]:
            if time.monotonic() > give_up:
                raise AssertionError("the charts are not counted: " + self._said())
            time.sleep(0.1)

    @property
    def supervisor(self) -> int | None:
        """The process of `segue up`, also while it is still starting the others; None between two of them."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def pid_of(self, part: str) -> int | None:
        """The process of a part that is up; None while it is being started again."""
        supervisor = self.supervisor
        if part == "supervisor" or supervisor is None:
            return supervisor
        try:
            status = json.loads((self.home / "run" / "status.json").read_text())
        except FileNotFoundError:
            return None
        states = {child["name"]: child for child in status["children"]}
        is_up = status["supervisor_pid"] == supervisor and states[part]["state"] == "healthy"
        return int(states[part]["pid"]) if is_up else None

    def processes_of(self, part: str) -> list[int]:
        """The part's process and after it all that it started; empty while it is being started again."""
        pid = self.pid_of(part)
        try:
            below = psutil.Process(pid).children(recursive=True) if pid else []
        except psutil.NoSuchProcess:
            return []
        return [pid, *(process.pid for process in below)] if pid else []

    def warehouse(self) -> Client:
        return open_clickhouse_reader(self.settings.engines.clickhouse_reader)

    def redis(self) -> Redis:
        return open_redis(self.settings.engines.redis)

    def wait_until_shipped(self) -> None:
        """Return when no event waits in the log; fail when that takes too long."""
        give_up = time.monotonic() + SHIPPED_WITHIN
        while left := pending(Settings(SEGUE_HOME=self.home).log_dir):
            if time.monotonic() > give_up:
                raise AssertionError(f"{left} segments are still not shipped after {SHIPPED_WITHIN} s")
            time.sleep(0.2)

    def _keep_up(self) -> None:
        """Run `segue up` again and again until the trial is over: the port may be taken while the last one ends."""
        environment = {
            **os.environ,
            "SEGUE_HOME": str(self.home),
            "PYTHONPATH": str(REPOSITORY),
            "SEGUE__LIMITS__ENABLED": "false",  # each listener plays as much as a hundred do
        }
        while not self._stopping.is_set():
            with (self.home / "up.log").open("ab") as said:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "cli", "up", "--port", str(self.port)],
                    cwd=self.home,
                    env=environment,
                    stdout=said,
                    stderr=said,
                )
                self.starts += 1
                if self._stopping.is_set():
                    self._process.terminate()
                self._process.wait()
            self._stopping.wait(PAUSE)

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.address}/health/live", timeout=2).is_success
        return False

    def _said(self) -> str:
        with suppress(OSError):
            return (self.home / "up.log").read_text()[-2000:]
        return "it said nothing"


def kill(pids: list[int]) -> None:
    """SIGKILL to each, without a pause between them."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def furniture() -> History:
    """Twenty listeners, five artists, songs of two minutes and more; nobody has played anything."""
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
