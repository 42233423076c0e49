"""The sink that fills the listening history and raises play counts: a segment in one transaction, each play once."""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg

from catalog_api.history import partitions, repository
from catalog_api.migrate import migrate
from event_log.listens import is_listen
from foundation.clock import Clock
from foundation.contracts.events import Event, PlaybackEvent
from foundation.engines import postgres
from foundation.ids import BIGGEST_ID

logger = logging.getLogger(__name__)

LONGEST_MS = 2**31 - 1  # what an integer of Postgres holds
EARLIEST, BEHIND_LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2299, 1, 1, tzinfo=UTC)
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

    def apply(self, segment_id: str, events: Sequence[Event]) -> None:
        """Count the plays of one segment; the same segment again changes nothing."""
        if not (told := _told(events)):
            return
        try:
            self._apply(segment_id, told)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Leave Postgres alone until the next segment."""
        with suppress(psycopg.Error):
            self._opened.close()
        self._db = None

    def _apply(self, segment_id: str, told: Sequence[PlaybackEvent]) -> None:
        db, now = self._connection(), self._now()
        beginning = partitions.beginning(now, self._kept_months)
        listens = [play for play in told if is_listen(play)]
        visible = {
            play.play_id
            for play in listens
            if not play.is_private and (beginning is None or play.started_at >= beginning)
        }
        if missing := partitions.missing_of(
            (play.started_at for play in listens if play.play_id in visible), self._months
        ):
            partitions.make(db, missing)
            self._months = partitions.months(db)
        with db.transaction():
            if repository.take(db, self.name, segment_id):
                fresh, ended = repository.first_told(db, told, now)
                repository.add(db, [play for play in fresh if play.play_id in visible])
                repository.lengthen(db, ended)
                repository.raise_play_counts(db, Counter(play.song_id for play in fresh if is_listen(play)))

    def _connection(self) -> psycopg.Connection:
        if self._db is None:
            migrate(self._url)  # it may have been away, or empty, when this process began
            db = self._opened.enter_context(postgres.connection(self._url, name="segue history"))
            db.execute(f"SET lock_timeout = {LOCK_LIMIT // timedelta(milliseconds=1)}".encode())
            self._db, self._months = db, partitions.months(db)
        return self._db


def _told(events: Sequence[Event]) -> list[PlaybackEvent]:
    """What a segment tells of each play: its first end, else how far it had come if it counts by then.

    Without what Postgres cannot hold.
    """
    told: dict[UUID, PlaybackEvent] = {}
    for event in events:
        if not isinstance(event, PlaybackEvent) or not (event.kind == "end" or is_listen(event)):
            continue
        before = told.get(event.play_id)
        if before is not None and (before.kind == "end" or event.kind != "end"):
            continue
        if _fits(event):
            told[event.play_id] = event
        else:
            logger.warning("play %s is left out of the history: Postgres cannot hold it", event.play_id)
    return list(told.values())


def _fits(play: PlaybackEvent) -> bool:
    """Whoever sends a play checks it; this keeps one that slipped through from stopping all behind it for ever."""
    return (
        play.played_ms is not None
        and 0 <= play.played_ms <= LONGEST_MS
        and 0 < play.listener_id <= BIGGEST_ID
        and 0 < play.song_id <= BIGGEST_ID
        and play.started_at.tzinfo is not None
        and EARLIEST <= play.started_at < BEHIND_LATEST
    )
