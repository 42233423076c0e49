"""Brings a listening history in: its names into the catalog, its plays through the event log, each once."""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import overload

import polars as pl
import psycopg

from catalog_api.imports import catalogue_rows, kept_answers, repository
from catalog_api.imports.catalogue import Catalogue, Part
from catalog_api.imports.encoding import encoded_plays
from catalog_api.imports.errors import LogStuck
from catalog_api.imports.history import check
from catalog_api.imports.matching import matches
from catalog_api.imports.matching.own import Own
from catalog_api.imports.report import CatalogueReport, ImportReport, PartReport
from catalog_api.imports.shipping import Progress, Shipping, silent
from catalog_api.imports.warehouse import (
    Warehouse,
    fresh_of,
    without_held_counts,
)
from catalog_api.outbox import repository as outbox
from catalog_api.outbox.service import move
from event_log.log import EventLog
from foundation.clock import Clock, microseconds
from foundation.contracts.events import Event, ImportedCount, encode
from foundation.contracts.history import History
from foundation.engines import postgres
from foundation.ids import UserId

BATCH = 50_000  # events of one record of the log: one sync each


@dataclass(frozen=True, slots=True)
class Asked:
    """How an import was asked for, beside what it brings in."""

    name: str = ""  # what it was read from, for people
    digest: bytes = b""  # SHA-256 of that
    # With one, the history's songs are those of the catalog whose names are as much alike, where there are such; else
    # every source has songs of its own.
    threshold: float | None = None
    account: UserId | None = None  # with one, the only listener whom the history tells of is its owner


PLAIN = Asked()


@dataclass(frozen=True, slots=True)
class Importer:
    """Imports histories, one at a time across all processes, each row once however often it is told.

    It may be killed at any moment: running the same import again finishes it. Names go through the outbox, written
    with them in one transaction; the ids of plays and the key of counts do not depend on the run.
    """

    postgres: str
    warehouse: Warehouse
    log: EventLog
    shipping: Shipping
    now: Clock
    progress: Progress = silent
    batch: int = BATCH

    @overload
    def bring_in(self, told: History, asked: Asked = PLAIN) -> ImportReport: ...

    @overload
    def bring_in(self, told: Catalogue, asked: Asked = PLAIN) -> CatalogueReport: ...

    def bring_in(self, told: History | Catalogue, asked: Asked = PLAIN) -> ImportReport | CatalogueReport:
        """Import whatever a reader gave. What a catalogue tells is matched by its ids alone."""
        if isinstance(told, Catalogue):
            return self.import_catalogue(told, asked)
        return self.import_history(told, asked)

    def import_history(self, history: History, asked: Asked = PLAIN) -> ImportReport:
        """Return when everything is in every store.

        Raises BrokenHistory, NoThreshold or ListenerNotFound, with nothing stored; LogStuck when the shipper does not
        run; Unreachable.
        """
        check(history)
        with (
            postgres.connection(self.postgres, name="segue import") as db,
            repository.only_import(
                db, waiting=lambda done: self.progress("waiting for another import", done, 1)
            ),
        ):
            name = asked.name or history.source
            number = repository.begin(db, history.source, name, asked.digest, self.now())
            numbered, joined = self._name(db, history, asked)
            plays = _with_ids(history.plays.unique("play_id", keep="first"), numbered).sort("play_id")
            self.shipping.wait(self.progress)  # so that the warehouse can tell what an earlier import told
            accepted = self._append_plays(history.source, plays) + self._append_counts(history, numbered)
            self._arrive()
            report = ImportReport.of(history, accepted=accepted, new=numbered.new, joined=joined)
            repository.finish(
                db,
                number,
                self.now(),
                accepted=report.accepted,
                duplicate=report.duplicate,
                refused=report.refused,
            )
            return report

    def import_own(self, history: History, account: UserId, threshold: float) -> tuple[Own, int]:
        """Bring in somebody's own history, of songs that the catalog has alone; with what matched, how many plays were new.

        Anybody may ask for this: so no name of the file becomes a row of the catalog, nor a name of one. Returns when
        everything is in every store. Raises BrokenHistory, NoThreshold, LogStuck, Unreachable.
        """
        check(history)
        with (
            postgres.connection(self.postgres, name="segue import") as db,
            repository.only_import(
                db, waiting=lambda done: self.progress("waiting for another import", done, 1)
            ),
        ):
            self.progress("matching songs", 0, 1)
            own = Own.of(db, history, account, threshold)
            self.shipping.wait(self.progress)  # so that the warehouse can tell what an earlier import told
            accepted = self._append_plays(history.source, own.plays)
            self._arrive()
            return own, accepted

    def import_catalogue(self, catalogue: Catalogue, asked: Asked = PLAIN) -> CatalogueReport:
        """Return when every part is in every store. Raises LogStuck when the shipper does not run; Unreachable."""
        with (
            postgres.connection(self.postgres, name="segue import") as db,
            repository.only_import(
                db, waiting=lambda done: self.progress("waiting for another import", done, 1)
            ),
        ):
            reports = []
            for part in catalogue.parts:
                name = asked.name or part.source
                number = repository.begin(db, part.source, name, asked.digest, self.now())
                report = PartReport.of_part(part, self._bring_in(db, part))
                repository.finish(
                    db,
                    number,
                    self.now(),
                    accepted=report.accepted,
                    duplicate=report.duplicate,
                    refused=report.refused,
                )
                reports.append(report)
            self._empty_outbox(db)
            self._arrive()
            return CatalogueReport(tuple(reports))

    def _bring_in(self, db: psycopg.Connection, part: Part) -> catalogue_rows.Made:
        """Make rows for what is new, and tell of it through the outbox, in one transaction."""
        what = f"naming {part.of}"
        self.progress(what, 0, 1)
        with db.transaction():
            made = catalogue_rows.number_all(db, part, self.now())
            outbox.write(db, list(repository.songs_changed(db, part.source)))
            kept_answers.drop(db)
        self.progress(what, 1, 1)
        return made

    def _name(
        self, db: psycopg.Connection, history: History, asked: Asked
    ) -> tuple[repository.Numbered, Counter[str]]:
        """Make rows for whom and what is new, tell of them through the outbox, and move it.

        Beside the ids: how many songs were joined to one of the catalog, by how they were matched.
        """
        self.progress("naming listeners, artists and songs", 0, 1)
        now = self.now()
        version = microseconds(now)
        joined: Counter[str] = Counter()
        with db.transaction():
            if asked.account is not None:
                repository.note_owner(db, history, asked.account)
            if asked.threshold is not None:
                joined.update(matches.join(db, history, asked.threshold)["how"].to_list())
            numbered = repository.number_all(db, history, now)
            changed: list[Event] = [
                *repository.listeners_changed(db, history.source, version),
                *repository.songs_changed(db, history.source),
                *repository.lyrics_changed(db, version),
            ]
            outbox.write(db, changed)
            kept_answers.drop(db)
        self.progress("naming listeners, artists and songs", 1, 1)
        self._empty_outbox(db)
        self.log.hand_over()
        return numbered, joined

    def _empty_outbox(self, db: psycopg.Connection) -> None:
        """Return when what stands in the outbox now stands in the log; another mover may hold some of it."""
        newest, begun_at = outbox.newest(db), time.monotonic()
        move(db, self.log)
        while outbox.holds_any_until(db, newest):
            if time.monotonic() - begun_at > self.shipping.patience.total_seconds():
                raise LogStuck("someone took rows of the outbox and does not let go of them")
            time.sleep(self.shipping.pause.total_seconds())
            move(db, self.log)

    def _arrive(self) -> None:
        """Return when what was told is in every store."""
        self.log.hand_over()
        self.shipping.wait(self.progress)

    def _append_plays(self, source: str, plays: pl.DataFrame) -> int:
        """Tell the log those of the plays that the warehouse does not hold, part by part: the first are shipped meanwhile.

        The plays are in order of their ids, each once; returns how many were told.
        """
        accepted = 0
        for part in plays.iter_slices(self.batch):
            self.progress("importing", accepted, plays.height)
            fresh = fresh_of(part, self.warehouse)
            if fresh.height:
                self.log.append_encoded_now(encoded_plays(fresh, source, self.now()))
                accepted += fresh.height
        self.progress("importing", plays.height, plays.height)
        return accepted

    def _append_counts(self, history: History, numbered: repository.Numbered) -> int:
        """Tell the log the counts that the warehouse does not hold or holds with another value; returns how many."""
        if history.counts.is_empty():
            return 0
        key = ["listener_external_id", "song_external_id"]
        counts = _with_ids(history.counts.unique(key, keep="last", maintain_order=True), numbered)
        fresh = without_held_counts(counts, history.source, self.warehouse)
        for part in fresh.iter_slices(self.batch):
            self.log.append_encoded_now(_encoded_counts(part, history.source, self.now()))
        return fresh.height


def _with_ids(rows: pl.DataFrame, numbered: repository.Numbered) -> pl.DataFrame:
    return rows.join(
        numbered.listeners, left_on="listener_external_id", right_on="external_id", maintain_order="left"
    ).join(numbered.songs, left_on="song_external_id", right_on="external_id", maintain_order="left")


def _encoded_counts(rows: pl.DataFrame, source: str, now: datetime) -> bytes:
    told = rows.select("listener_id", "song_id", "plays").iter_rows()
    return encode(
        [
            ImportedCount(
                origin=source, listener_id=listener_id, song_id=song_id, plays=plays, received_at=now
            )
            for listener_id, song_id, plays in told
        ]
    )
