"""Keeps the listening history in order: months made ahead and dropped when old, and forgotten what need not be known."""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from catalog_api.history import partitions, repository
from catalog_api.history.sink import LOCK_LIMIT
from catalog_api.migrate import migrate
from event_log.reading import closed
from foundation.clock import Clock, utc_now
from foundation.engines import postgres

log = logging.getLogger(__name__)

# A note of a segment serves a sink that died between its commit and its cursor: what is older, and whose segment is
# gone, nobody will ask for. Were it asked for all the same, its plays would be known as counted.
NOTED = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Kept:
    """What was done."""

    made: int = 0  # months
    dropped: int = 0  # months
    forgotten_plays: int = 0
    forgotten_segments: int = 0


NOTHING = Kept()


@dataclass(frozen=True, slots=True)
class HistoryKeeper:
    """Does it again and again, in a thread of the shipper's process; waits while Postgres is away. Several may run."""

    postgres: str  # a URL
    log_dir: Path
    months_ahead: int
    kept_months: int  # months of history before the present one; 0: all
    pause: timedelta = timedelta(hours=1)
    now: Clock = utc_now

    def run(self, stop: threading.Event) -> None:
        """Keep until `stop` is set."""
        while not stop.is_set():
            try:
                migrate(self.postgres)  # it may have been away, or empty, when this process began
                with postgres.connection(self.postgres, name="segue history keeper") as db:
                    # Whoever reads is not kept waiting behind us: what does not go now goes the next time.
                    db.execute(f"SET lock_timeout = {LOCK_LIMIT // timedelta(milliseconds=1)}".encode())
                    kept = keep(db, self, self.now())
                if kept != NOTHING:
                    log.info("the history is in order: %s", kept)
                stop.wait(self.pause.total_seconds())
            except Exception as error:  # noqa: BLE001 - nothing else would ever do it
                log.warning("the history is kept in order later: %s", str(error).split("\n", maxsplit=1)[0])
                stop.wait(min(self.pause, timedelta(minutes=1)).total_seconds())


def keep(db: psycopg.Connection, keeper: HistoryKeeper, now: datetime) -> Kept:
    """Make the present month and those ahead, drop the old, and forget; doing it again changes nothing."""
    present = partitions.month_of(now)
    made = partitions.make(db, [partitions.later(present, ahead) for ahead in range(keeper.months_ahead + 1)])
    beginning = partitions.beginning(now, keeper.kept_months)
    dropped = [] if beginning is None else partitions.drop_before(db, partitions.month_of(beginning))
    gone = set(repository.taken(db, now - NOTED)) - closed(keeper.log_dir).keys()
    return Kept(
        made=len(made),
        dropped=len(dropped),
        forgotten_plays=repository.forget_plays(db, now),
        forgotten_segments=repository.forget_segments(db, sorted(gone)),
    )
