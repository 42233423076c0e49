"""Does one import, in a process of its own: whatever is in the file, and whatever it takes, touches nobody else."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg

from catalog_api.history_imports import queue
from catalog_api.history_imports.errors import HistoryImportFailed
from catalog_api.history_imports.files import Files
from catalog_api.history_imports.queue import Due
from catalog_api.imports import recognise
from catalog_api.imports.errors import LogStuck, NothingToImport
from catalog_api.imports.matching.own import Own
from catalog_api.imports.service import Importer
from catalog_api.imports.shipping import Progress
from catalog_api.imports.warehouse import Warehouse, fresh_of
from foundation.clock import Clock
from foundation.contracts.history import History
from foundation.engines import postgres
from foundation.errors import Problem, Unreachable
from foundation.http.problems import problem_body


class Unwanted(Exception):
    """The import was taken back, or its account deleted, while it ran."""


@dataclass(frozen=True, slots=True)
class Work:
    """What doing an import takes."""

    postgres: str  # a URL
    warehouse: Warehouse
    files: Files
    importer: Callable[[Progress], Importer]
    folder: Path  # where the file is read; whoever started us empties it
    most_unpacked: int  # bytes
    now: Clock
    telling: timedelta = timedelta(
        milliseconds=500
    )  # how often it is told how far it is, and asked whether to go on

    def do(self, import_id: UUID) -> None:
        """Do it, and write down what became of it. What is away for the moment is raised: Unreachable, LogStuck."""
        with postgres.connection(self.postgres, name="segue history import") as db:
            due = queue.begin(db, import_id, self.now())
            if due is None:
                return
            try:
                queue.finish(db, import_id, self._done(db, due), self.now())
            except Unwanted:
                return
            except (Unreachable, LogStuck):
                raise
            except Problem as problem:
                queue.fail(db, import_id, problem_body(problem), self.now())
            except MemoryError:
                big = HistoryImportFailed("it takes more memory than an import may have: send it in parts")
                queue.fail(db, import_id, problem_body(big), self.now())

    def _done(self, db: psycopg.Connection, due: Due) -> dict[str, object]:
        progress = _Telling(db, due.id, self.telling)
        progress("reading", 0, 1)
        os.chdir(self.folder)  # so that a refusal names the file as its sender does
        path = Path(due.name)
        self.files.fetch(due.id, path)
        told = recognise.read(
            path, now=self.now(), account=due.user_id, most_unpacked=self.most_unpacked
        ).history
        path.unlink()
        if not isinstance(told, History):
            raise NothingToImport(f"{due.name} is no listening history")
        if due.is_preview:
            progress("matching songs", 0, 1)
            own = Own.of(db, told, due.user_id, due.threshold)
            return own.told(fresh_of(own.plays, self.warehouse).height)
        own, accepted = self.importer(progress).import_own(told, due.user_id, due.threshold)
        return own.told(accepted)


class _Telling:
    """Tells how far an import is, now and then, and ends it where nobody wants it any more."""

    def __init__(self, db: psycopg.Connection, import_id: UUID, every: timedelta) -> None:
        self._db, self._id, self._every = db, import_id, every.total_seconds()
        self._stage, self._next = "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Raises Unwanted."""
        now = time.monotonic()
        if stage == self._stage and now < self._next:
            return
        self._stage, self._next = stage, now + self._every
        if not queue.tell(self._db, self._id, stage, done, total):
            raise Unwanted
