"""What a told play means, and where it is made safe."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from catalog_api.playback.errors import PlayOutOfTime
from catalog_api.playback.listeners import ListenersPlaying
from catalog_api.playback.schemas import PlayIn
from catalog_api.songs.service import SongLengths
from event_log.log import EventLog
from foundation import metrics
from foundation.clock import Clock
from foundation.contracts.events import PlaybackEvent
from foundation.engines.postgres import Postgres
from foundation.http.country import told_country
from foundation.ids import SongId, UserId
from foundation.telemetry import span, traceparent

SKEW = timedelta(minutes=5)  # by how much a client's clock may run ahead of ours
LATE = timedelta(days=30)  # ids are remembered as long: an older play sent twice would count twice

_acknowledged = {kind: metrics.plays_acknowledged.labels(kind).inc for kind in ("start", "end")}


@dataclass(frozen=True, slots=True)
class Playback:
    """Records plays. Returns once a play is on disk; the same play_id again is the same play."""

    lengths: SongLengths
    listeners: ListenersPlaying
    log: EventLog
    now: Clock

    async def record(
        self, listener: UserId, song_id: SongId, told: PlayIn, *, country: str | None = None
    ) -> PlaybackEvent:
        """The event made of the play; `country` is where the edge saw the request come from, if it says so.

        Raises SongNotFound, PlayOutOfTime, LogUnavailable.
        """
        received_at = self.now()
        started_at = told.started_at or received_at - timedelta(milliseconds=told.played_ms or 0)
        if started_at > received_at + SKEW:
            raise PlayOutOfTime(f"started_at is in the future: it is {_text(received_at)} here")
        if started_at < received_at - LATE:
            raise PlayOutOfTime(f"started_at is more than {LATE.days} days ago")
        _check_age(told.play_id, received_at)
        song_ms = await self.lengths.of(song_id)
        known = await self.listeners.of(listener)
        play = PlaybackEvent(
            play_id=told.play_id,
            kind="start" if told.played_ms is None else "end",
            listener_id=listener,
            song_id=song_id,
            started_at=started_at,
            received_at=received_at,
            played_ms=told.played_ms,
            song_ms=song_ms,
            source="organic" if told.slate_id is None else "recommended",
            slate_id=told.slate_id,
            position=told.position,
            country=told_country(country) or known.country,
            is_private=known.is_private,
            traceparent=traceparent(),
        )
        with span("append_event"):
            await self.log.append([play])
        _acknowledged[play.kind]()
        return play


def _check_age(play_id: UUID, now: datetime) -> None:
    """Raise PlayOutOfTime for an id that tells its own time and is too old, whatever else the body says or leaves out.

    Without `started_at` a body sent again later would begin later too: only the id still knows when it was made.
    """
    if (
        play_id.version == 7 and play_id.int >> 80 < (now - LATE).timestamp() * 1000
    ):  # RFC 9562: 48 bits of ms
        raise PlayOutOfTime(f"play_id was made more than {LATE.days} days ago")


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def open_playback(postgres: Postgres, log: EventLog, now: Clock) -> Playback:
    """What the gateway keeps in `app.state.playback` for all requests of a process."""
    return Playback(SongLengths(postgres, now), ListenersPlaying(postgres), log, now)
