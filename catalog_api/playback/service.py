"""What a told play means, and where it is made safe."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from catalog_api.playback.errors import PlayOutOfTime
from catalog_api.playback.listeners import Listener, ListenersPlaying
from catalog_api.playback.schemas import BatchedPlay, HeartbeatIn, PlayIn
from catalog_api.songs.errors import SongNotFound
from catalog_api.songs.service import SongLengths
from event_log.errors import LogUnavailable
from event_log.log import EventLog
from foundation import metrics
from foundation.clock import Clock
from foundation.contracts.events import KINDS, REASONS, SOURCES, PlaybackEvent, PlayBlock, packed
from foundation.engines.postgres import Postgres
from foundation.errors import Problem
from foundation.http.country import told_country
from foundation.ids import SongId, UserId
from foundation.telemetry import span, traceparent

SKEW = timedelta(minutes=5)  # by how much a client's clock may run ahead of ours
LATE = timedelta(days=30)  # ids are remembered as long: an older play sent twice would count twice

_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_KINDS, _REASONS = ({name: place for place, name in enumerate(names)} for names in (KINDS, REASONS))
_ORGANIC, _RECOMMENDED = SOURCES.index("organic"), SOURCES.index("recommended")
_NO_ID = bytes(16)

Told: TypeAlias = PlayIn | HeartbeatIn | BatchedPlay

_acknowledged = {
    kind: metrics.Gathered(metrics.plays_acknowledged.labels(kind)).inc
    for kind in ("start", "heartbeat", "pause", "end")
}


@dataclass(frozen=True, slots=True)
class Playback:
    """Records plays. Returns once a play is on disk; the same play_id again is the same play."""

    lengths: SongLengths
    listeners: ListenersPlaying
    log: EventLog
    now: Clock

    async def record(
        self, listener: UserId, song_id: SongId, told: Told, *, country: str | None = None
    ) -> PlaybackEvent:
        """The event made of the play; `country` is where the edge saw the request come from, if it says so.

        Raises SongNotFound, PlayOutOfTime, LogUnavailable.
        """
        received_at = self.now()
        started_at = _Bounds(received_at).begun(told)
        song_ms = await self.lengths.of(song_id)
        known = await self._known(listener, country)
        play = _event(listener, song_id, told, started_at, received_at, song_ms, known)
        with span("append_event"):
            await self.log.append([play])
        _acknowledged[play.kind]()
        return play

    def held(
        self, listener: UserId, song_id: SongId, told: Told, *, country: str | None = None
    ) -> PlaybackEvent | None:
        """The same event where memory knows all that it takes, not yet on disk. Raises PlayOutOfTime."""
        received_at = self.now()
        started_at = _Bounds(received_at).begun(told)
        length, known = self.lengths.held(song_id, received_at), self.listeners.held(listener)
        if length is None or known is None:
            return None
        return _event(listener, song_id, told, started_at, received_at, length.ms, _seen_in(known, country))

    def record_then(self, play: PlaybackEvent, done: Callable[[Problem | None], None]) -> None:
        """Make an event safe; `done` hears in this event loop that it is on disk, or why not. Raises LogUnavailable."""

        def written(error: LogUnavailable | None) -> None:
            if error is None:
                _acknowledged[play.kind]()
            done(error)

        self.log.append_then([play], written)

    async def record_all(
        self, listener: UserId, plays: Sequence[BatchedPlay], *, country: str | None = None
    ) -> list[Problem | None]:
        """Of each play why it is refused; None where it is on disk. Raises LogUnavailable, where none is."""
        received_at = self.now()
        lengths = await self.lengths.of_all({SongId(play.song_id) for play in plays})
        known = await self._known(listener, country)
        bounds = _Bounds(received_at)
        taken: list[tuple[BatchedPlay, datetime]] = []
        outcomes: list[Problem | None] = []
        for play in plays:
            try:
                started_at = bounds.begun(play)
                if play.song_id not in lengths:
                    raise SongNotFound(SongId(play.song_id))
            except (PlayOutOfTime, SongNotFound) as refusal:
                outcomes.append(refusal)
                continue
            taken.append((play, started_at))
            outcomes.append(None)
        if taken:
            with span("append_event"):
                await self.log.append([_block(listener, taken, received_at, lengths, known)])
        for play, _ in taken:
            _acknowledged[play.kind]()
        return outcomes

    async def _known(self, listener: UserId, country: str | None) -> Listener:
        """What every event of the listener carries; where the edge says where they are, that holds."""
        return _seen_in(await self.listeners.of(listener), country)


class _Bounds:
    """Between what a play may have begun that reaches us now, and which ids are too old."""

    __slots__ = ("_earliest", "_latest", "_now", "_oldest_id")

    def __init__(self, now: datetime) -> None:
        self._now, self._latest, self._earliest = now, now + SKEW, now - LATE
        self._oldest_id = int(self._earliest.timestamp() * 1000) << 80  # RFC 9562: 48 bits of ms

    def begun(self, told: Told) -> datetime:
        """When a play began. Raises PlayOutOfTime for one that its clock or its age forbids.

        Without `started_at` a body sent again later would begin later too: only the id still knows when it was made, and
        one that tells its own time is too old whatever else the body says.
        """
        started_at = told.started_at or self._now - timedelta(milliseconds=told.played_ms or 0)
        if started_at > self._latest:
            raise PlayOutOfTime(f"started_at is in the future: it is {_text(self._now)} here")
        if started_at < self._earliest:
            raise PlayOutOfTime(f"started_at is more than {LATE.days} days ago")
        if told.play_id.int < self._oldest_id and told.play_id.version == 7:
            raise PlayOutOfTime(f"play_id was made more than {LATE.days} days ago")
        return started_at


def _seen_in(known: Listener, country: str | None) -> Listener:
    return known if country is None else known._replace(country=told_country(country) or known.country)


def _event(
    listener: UserId,
    song_id: SongId,
    told: Told,
    started_at: datetime,
    received_at: datetime,
    song_ms: int | None,
    known: Listener,
) -> PlaybackEvent:
    return PlaybackEvent(
        play_id=told.play_id,
        kind=told.kind,
        listener_id=listener,
        song_id=song_id,
        started_at=started_at,
        received_at=received_at,
        played_ms=told.played_ms,
        song_ms=song_ms,
        reason=told.reason if told.kind == "end" else "",
        source="organic" if told.slate_id is None else "recommended",
        slate_id=told.slate_id,
        position=told.position,
        playlist_id=None if known.is_private else told.playlist_id,
        country=known.country,
        is_private=known.is_private,
        traceparent=traceparent(),
    )


def _block(
    listener: UserId,
    taken: Sequence[tuple[BatchedPlay, datetime]],
    received_at: datetime,
    lengths: Mapping[SongId, int | None],
    known: Listener,
) -> PlayBlock:
    """The same of many: an event for each would cost the log and all who read it several times as much."""
    plays = [play for play, _ in taken]
    song_ms = [lengths[SongId(play.song_id)] for play in plays]
    has_slates, has_positions, has_playlists = (
        any(play.slate_id for play in plays),
        any(play.position is not None for play in plays),
        not known.is_private and any(play.playlist_id for play in plays),
    )
    return PlayBlock(
        received_at=received_at,
        play_ids=b"".join([play.play_id.bytes for play in plays]),
        kinds=bytes([_KINDS[play.kind] for play in plays]),
        listener_ids=packed("Q", [listener] * len(plays)),
        song_ids=packed("Q", [play.song_id for play in plays]),
        started_ms=packed("q", [(started_at - _EPOCH) // _MILLISECOND for _, started_at in taken]),
        played_ms=packed("q", [-1 if play.played_ms is None else play.played_ms for play in plays]),
        song_ms=packed("i", [-1 if length is None else length for length in song_ms]),
        reasons=bytes([_REASONS[play.reason] if play.kind == "end" else 0 for play in plays]),
        sources=bytes([_ORGANIC if play.slate_id is None else _RECOMMENDED for play in plays]),
        are_private=bytes([known.is_private]) * len(plays),
        slate_ids=b"".join([play.slate_id.bytes if play.slate_id else _NO_ID for play in plays])
        if has_slates
        else b"",
        positions=packed("i", [-1 if play.position is None else play.position for play in plays])
        if has_positions
        else b"",
        playlist_ids=packed("Q", [play.playlist_id or 0 for play in plays]) if has_playlists else b"",
        country=known.country,
        traceparent=traceparent(),
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def open_playback(postgres: Postgres, log: EventLog, now: Clock) -> Playback:
    """What the gateway keeps in `app.state.playback` for all requests of a process."""
    return Playback(SongLengths(postgres, now), ListenersPlaying(postgres), log, now)
