"""Removes what other stores hold of deleted accounts, and finishes their receipts."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg

from catalog_api.account_data import pending
from catalog_api.account_data.pending import Pending
from catalog_api.account_data.stores import Person, Store
from catalog_api.migrate import migrate
from catalog_api.outbox import repository as outbox
from event_log.reading import is_numbered
from event_log.segments import CLOSED, OPEN
from foundation.clock import Clock, utc_now
from foundation.engines import postgres

logger = logging.getLogger(__name__)

AT_ONCE = 100  # people
GRACE = timedelta(
    seconds=5
)  # after which no process takes a revoked token any more, even one that had to reconnect
AWAY = timedelta(seconds=2)  # before a store that failed is asked again
# A job that read the warehouse before may write what it read long after, and another machine's log may have been away.
LATER = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=3), timedelta(days=2))


@dataclass(slots=True)
class Awaited:
    """What was on its way to the stores at some moment: rows of the outbox first, then segments of the log."""

    newest: int
    segments: set[str] | None = None

    def has_arrived(self, db: psycopg.Connection, log: Path) -> bool:
        """Whether every store has all of it."""
        if self.segments is None:
            if outbox.holds_any_until(db, self.newest):
                return False
            self.segments = _segments(log)
        self.segments &= _segments(log)
        return not self.segments


@dataclass(slots=True)
class Forgetting:
    """Looks for deletions again and again, in a thread of the shipper's process.

    A person is forgotten at once everywhere. After GRACE nothing new of them is accepted; when all that was by then has
    come to the stores, they are forgotten once more, and that ends it. Later looks find what nobody expected.

    What a store holds is counted and noted before it is removed, so that a crash at any instant loses no count.
    """

    postgres: str
    log: Path  # the event log's folder
    stores: Sequence[Store]
    now: Clock = utc_now
    pause: timedelta = timedelta(milliseconds=500)
    grace: timedelta = GRACE
    _awaited: dict[UUID, Awaited] = field(default_factory=dict)
    _failing: set[str] = field(default_factory=set)

    def run(self, stop: threading.Event) -> None:
        """Forget until `stop` is set."""
        while not stop.is_set():
            try:
                with postgres.connection(self.postgres, name="segue forgetting") as db:
                    migrate(self.postgres)  # it may have been away, or empty, when this process began
                    while not stop.wait(self.pause.total_seconds()):
                        self.look(db)
                        self._tell("Postgres", None)
            except Exception as error:  # noqa: BLE001 - nobody else would ever finish a deletion
                self._tell("Postgres", error)
                stop.wait(AWAY.total_seconds())

    def look(self, db: psycopg.Connection) -> None:
        """Bring what is due one step on."""
        with postgres.alone(db, pending.LOCK) as is_ours:
            if not is_ours:
                return
            due = pending.due(db, self.now(), AT_ONCE)
            ready = [each for each in due if self._is_ready(db, each)]
            failed = self._forget(db, ready) if ready else False
            for each in ready:
                self._step(db, each, failed=failed)

    def _is_ready(self, db: psycopg.Connection, each: Pending) -> bool:
        """Whether its stores may be gone through now: what is on its way must arrive before the look that ends it."""
        if each.finished_at is not None or each.look_at == each.requested_at:
            return True
        if each.id not in self._awaited:
            self._awaited[each.id] = Awaited(outbox.newest(db))
        return self._awaited[each.id].has_arrived(db, self.log)

    def _step(self, db: psycopg.Connection, each: Pending, *, failed: bool) -> None:
        now = self.now()
        if each.look_at == each.requested_at:
            pending.look_again(db, each, max(now, each.requested_at + self.grace))
        elif failed:
            pending.look_again(db, each, now + AWAY)
        else:
            if each.finished_at is None:
                del self._awaited[each.id]
                pending.finish(db, each, now)
                logger.info("deletion %s is finished", each.id)
            later = (each.requested_at + after for after in LATER)
            pending.look_again(db, each, next((at for at in later if at > now), None))

    def _forget(self, db: psycopg.Connection, ready: Sequence[Pending]) -> bool:
        """Remove them from every store; whether one of these failed, which stops no other."""
        has_failed = False
        for store in self.stores:
            try:
                self._forget_in(db, store, ready)
            except psycopg.Error:
                raise
            except Exception as error:  # noqa: BLE001 - a store may fail in any way its engine knows
                has_failed = True
                self._tell(store.name, error)
            else:
                self._tell(store.name, None)
        return has_failed

    def _forget_in(self, db: psycopg.Connection, store: Store, ready: Sequence[Pending]) -> None:
        people = []
        for each in ready:
            person = Person(each.user_id, each.songs, each.covers, each.others, each.uploads)
            if pending.note_found(db, each, store.name, store.held(person)):
                people.append(person)
        if people:
            store.forget(people)
        for each in ready:
            pending.note_removed(db, each, store.name)

    def _tell(self, name: str, error: Exception | None) -> None:
        """In the log, when it changes."""
        if error is not None and name not in self._failing:
            self._failing.add(name)
            reason = str(error).split("\n", maxsplit=1)[0]
            logger.warning("%s forgets nobody at the moment: %s: %s", name, type(error).__name__, reason)
        elif error is None and name in self._failing:
            self._failing.discard(name)
            logger.warning("%s forgets people again", name)


def _segments(log: Path) -> set[str]:
    """The segments that some store may lack."""
    if not log.is_dir():
        return set()
    return {path.stem for path in log.iterdir() if path.suffix in (OPEN, CLOSED) and is_numbered(path)}
