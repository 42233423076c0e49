"""Sees to the imports that listeners ask for, in a thread: each is done by a process that is started for it."""

import logging
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg

from catalog_api.history_imports import queue
from catalog_api.history_imports.errors import HistoryImportFailed
from catalog_api.history_imports.files import Files, made_at
from catalog_api.migrate import migrate
from foundation.clock import Clock, utc_now
from foundation.engines import postgres
from foundation.http.problems import problem_body

log = logging.getLogger(__name__)

AWAY = 75  # the status of a process that found a store away (EX_TEMPFAIL of sysexits.h)
CRASHES = 3  # after which a file is given up
AWAY_FOR = timedelta(seconds=2)
# A file without a row: its request has failed, or its account went while it was sent.
STRAY_AFTER, STRAYS_EVERY = timedelta(hours=1), timedelta(minutes=10)


@dataclass(slots=True)
class HistoryImportWorker:
    """Looks for imports again and again. Of several such threads one is at work at a time, and one import after the other.

    A process that is killed leaves nothing but its row: the import is begun anew, and adds what is missing. One that dies
    with the shipper's process ends at the end of its standard input.
    """

    postgres: str  # a URL
    files: Files
    command: Sequence[str]  # its last word will be the id of an import, the one before the folder to work in
    environment: Mapping[str, str]
    folder: Path
    now: Clock = utc_now
    pause: timedelta = timedelta(milliseconds=500)
    _strays_at: float = field(default=0.0)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        is_failing = False
        while not stop.is_set():
            try:
                migrate(self.postgres)  # it may have been away, or empty, when this process began
                with postgres.connection(self.postgres, name="segue history imports") as db:
                    while not stop.wait(self.pause.total_seconds()):
                        self.look(db, stop)
                        is_failing = False
            except Exception as error:  # noqa: BLE001 - nobody else would ever do an import
                if not is_failing:
                    log.warning("imports of history wait: %s", str(error).split("\n", maxsplit=1)[0])
                is_failing = True
                stop.wait(AWAY_FOR.total_seconds())

    def look(self, db: psycopg.Connection, stop: threading.Event) -> None:
        """Do one import that is due, and remove files that nobody needs."""
        with postgres.alone(db, queue.LOCK) as is_ours:
            if not is_ours:
                return
            if (due := queue.next_due(db)) is not None:
                self._see_to(db, due, stop)
            for each in queue.with_needless_files(db):
                self.files.remove(each)
                queue.note_removed(db, each)
            if time.monotonic() >= self._strays_at:
                self._remove_strays(db)
                self._strays_at = time.monotonic() + STRAYS_EVERY.total_seconds()

    def _see_to(self, db: psycopg.Connection, due: UUID, stop: threading.Event) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)  # of a process that was killed
        self.folder.mkdir(parents=True, mode=0o700)
        try:
            status = self._status_of_process(db, due, stop)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        if status == AWAY:
            stop.wait(AWAY_FOR.total_seconds())
        elif status is not None and status != 0:
            log.warning("the process of import %s ended with status %d", due, status)
            if queue.crashed(db, due) >= CRASHES:
                problem = HistoryImportFailed(
                    "reading it failed again and again: it may take more memory than an import may have"
                )
                queue.fail(db, due, problem_body(problem), self.now())

    def _status_of_process(self, db: psycopg.Connection, due: UUID, stop: threading.Event) -> int | None:
        """How it ended; None where we ended it, since nobody wants it any more or we must stop."""
        environment = {**self.environment, "TMPDIR": str(self.folder)}
        words = [*self.command, str(self.folder), str(due)]
        with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE) as process:
            try:
                while (status := process.poll()) is None:
                    if stop.wait(self.pause.total_seconds()) or not queue.is_wanted(db, due):
                        return None
                return status
            finally:
                process.kill()

    def _remove_strays(self, db: psycopg.Connection) -> None:
        before: datetime = self.now() - STRAY_AFTER
        old = [each for each in self.files.kept() if made_at(each) < before]
        for each in sorted(set(old) - queue.known(db, old)):
            self.files.remove(each)
