"""The sink that fills the listening history and raises play counts: a segment in one transaction, each play once."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import date, timedelta
from uuid import UUID

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from catalog_api.history import partitions, repository
from catalog_api.migrate import migrate
from event_log.plays import COUNTS, Told, most_telling
from foundation.clock import Clock
from foundation.contracts.events import Event
from foundation.contracts.tables import PlaybackEvents
from foundation.engines import postgres
from foundation.ids import BIGGEST_ID

logger = logging.getLogger(__name__)

LONGEST_MS = 2**31 - 1  # what an integer of Postgres holds
# Shorter than the second after which Postgres looks for deadlocks: where we and a request wait for each other, we let go.
LOCK_LIMIT = timedelta(milliseconds=500)


class HistorySink:
    """Writes listening_history and songs.play_count; notes in the same transaction that it did.

    A play counts once, also when another segment tells it again within the time for which it may be told; one of an
    import may be told again for ever. Of a play whose end is told twice the first counts, as in the warehouse. A heartbeat
    that shows that a play counts makes the listen, and the end that comes later says how long it was.
    Plays of a private session count for the song alone. Imported totals are no listens: nothing here counts them.
    """

    name = "history"

    def __init__(self, url: str, now: Clock, *, kept_months: int = 0) -> None:
        """`kept_months` is how many months of history there are before the present one; 0: all."""
        self._url, self._now, self._kept_months = url, now, kept_months
        self._opened = ExitStack()
        self._db: psycopg.Connection | None = None
        self._months: set[date] = set()

    def apply(self, segment_ids: Sequence[str], events: Sequence[Event]) -> None:
        """Count the plays of some segments; the same segments again change nothing."""
        told = most_telling(_fitting(Told.of(events).plays))
        if not told.num_rows:
            return
        try:
            self._apply(segment_ids, told)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Leave Postgres alone until the next segment."""
        with suppress(psycopg.Error):
            self._opened.close()
        self._db = None

    def _apply(self, segment_ids: Sequence[str], told: pa.Table) -> None:
        db, now = self._connection(), self._now()
        beginning = partitions.beginning(now, self._kept_months)
        is_visible = pc.and_not(told[COUNTS], told[PlaybackEvents.is_private])
        if beginning is not None:
            is_visible = pc.and_(is_visible, pc.greater_equal(told[PlaybackEvents.started_at], beginning))
        visible = told.filter(is_visible)
        months = pc.floor_temporal(visible[PlaybackEvents.started_at], unit="month").unique().to_pylist()
        if missing := partitions.missing_of(months, self._months):
            partitions.make(db, missing)
            self._months = partitions.months(db)
        with db.transaction():
            if repository.take(db, self.name, segment_ids):
                is_known, ended = repository.known(db, told)
                repository.lengthen(db, ended)
                if pc.any(is_known).as_py():
                    is_new = pc.invert(is_known)
                    told, is_visible = told.filter(is_new), is_visible.filter(is_new)
                repository.add(db, told, is_visible, now)

    def _connection(self) -> psycopg.Connection:
        if self._db is None:
            migrate(self._url)  # it may have been away, or empty, when this process began
            db = self._opened.enter_context(postgres.connection(self._url, name="segue history"))
            db.execute(f"SET lock_timeout = {LOCK_LIMIT // timedelta(milliseconds=1)}".encode())
            repository.prepare(db)
            self._db, self._months = db, partitions.months(db)
        return self._db


def _fitting(plays: pa.Table) -> pa.Table:
    """Without what Postgres cannot hold, be it a play that no listener and no song can be of."""
    names = PlaybackEvents
    none, biggest = pa.scalar(0, pa.uint64()), pa.scalar(BIGGEST_ID, pa.uint64())
    fits = pc.less_equal(pc.fill_null(plays[names.played_ms], 0), LONGEST_MS)
    for column in (names.listener_id, names.song_id):
        fits = pc.and_(fits, pc.and_(pc.greater(plays[column], none), pc.less_equal(plays[column], biggest)))
    if not pc.all(fits, min_count=0).as_py():
        for play_id in plays.filter(pc.invert(fits))[names.play_id].to_pylist():
            logger.warning("play %s is left out of the history: Postgres cannot hold it", UUID(bytes=play_id))
        plays = plays.filter(fits)
    return plays
