"""Moves what the outbox holds into the event log: at least once, which versioned rows do not mind."""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from catalog_api.migrate import migrate
from catalog_api.outbox import repository
from event_log.log import EventLog
from foundation.engines import postgres

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 50
AT_ONCE = 8 * 1024 * 1024  # bytes of rows that are appended together; the log lets eight times as much wait


def move(db: psycopg.Connection, log: EventLog) -> int:
    """Append what the outbox holds to the log, in order, and remove it once it is on disk there; returns how many rows.

    A crash in between moves the same events again. Two movers at once share the rows. What a row holds is not read
    here: one that is no list of events would stop all behind it, while the shipper sets such a record aside.
    """
    moved = 0
    while True:
        with db.transaction():
            rows = repository.oldest(db, ROWS_AT_ONCE)
            for group in _groups([events for _, events in rows]):
                log.append_encoded_now(*group)
            repository.remove(db, [number for number, _ in rows])
        moved += len(rows)
        if len(rows) < ROWS_AT_ONCE:
            return moved


def _groups(records: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The records in their order, as many at once as the log takes in at one sync without being full.

    >>> [len(group) for group in _groups([b"1" * (AT_ONCE // 2)] * 5)]
    [2, 2, 1]
    """
    group: list[bytes] = []
    for record in records:
        if group and sum(map(len, group)) + len(record) > AT_ONCE:
            yield group
            group = []
        group.append(record)
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class OutboxMover:
    """Moves the outbox again and again, in a thread of the shipper's process; waits while Postgres or disk are away.

    It brings Postgres to the newest version whenever it connects.
    """

    postgres: str
    log: EventLog
    pause: timedelta = timedelta(milliseconds=500)

    def run(self, stop: threading.Event) -> None:
        """Move until `stop` is set."""
        is_failing = False
        while not stop.is_set():
            try:
                with postgres.connection(self.postgres, name="segue outbox") as db:
                    migrate(self.postgres)  # it may have been away, or empty, when this process began
                    while not stop.wait(self.pause.total_seconds()):
                        move(db, self.log)
                        if is_failing:
                            is_failing = False
                            logger.info("the outbox moves again")
            except Exception as error:  # noqa: BLE001 - nothing else would ever move the outbox
                if not is_failing:
                    is_failing = True
                    logger.warning("the outbox waits: %s", str(error).split("\n", maxsplit=1)[0])
                stop.wait(2 * self.pause.total_seconds())
