"""Events as the rows of the warehouse's tables, in Arrow."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from event_log.listens import is_listen
from foundation.contracts.events import (
    BlockChanged,
    Event,
    FollowChanged,
    ImportedCount,
    ListenerChanged,
    LyricsChanged,
    OpinionChanged,
    PlaybackEvent,
    PreferencesChanged,
    SongChanged,
)
from foundation.contracts.tables import (
    Blocks,
    Follows,
    ImportedCounts,
    Listeners,
    Listens,
    Lyrics,
    Opinions,
    PlaybackEvents,
    Preferences,
    Seen,
    Songs,
)

Told = TypeVar("Told", bound=Event)

_FIRST, _BEHIND_LAST = (
    datetime(1900, 1, 1, tzinfo=UTC),
    datetime(2299, 1, 1, tzinfo=UTC),
)  # of Date32, DateTime64
_KEY = pa.binary(16)  # ClickHouse reads it as a UUID, or as FixedString(16): the first byte first in both


def fitting(
    told: Sequence[Told], table_of: Callable[[Sequence[Told]], pa.Table]
) -> tuple[pa.Table, list[Told]]:
    """The table of the events whose values the columns can hold, and the events left out.

    Whoever sends an event checks it; this keeps one that slipped through from stopping all behind it for ever.
    """
    try:
        return table_of(told), []
    except (ValueError, OverflowError, TypeError):
        unfit = [event for event in told if not _fits(event, table_of)]
        left_out = set(map(id, unfit))
        return table_of([event for event in told if id(event) not in left_out]), unfit


def playback_events(plays: Sequence[PlaybackEvent]) -> pa.Table:
    """Rows of playback_events, and after them the column `counts`: whether the play is a listen."""
    names = PlaybackEvents
    columns = {
        names.play_id: pa.array([play.play_id.bytes for play in plays], _KEY),
        names.kind: _words([play.kind for play in plays]),
        names.listener_id: pa.array([play.listener_id for play in plays], pa.uint64()),
        names.song_id: pa.array([play.song_id for play in plays], pa.uint64()),
        names.started_at: _moments([play.started_at for play in plays], "ms"),
        names.played_ms: pa.array([play.played_ms for play in plays], pa.uint32()),
        names.song_ms: pa.array([play.song_ms for play in plays], pa.uint32()),
        names.source: _words([play.source for play in plays]),
        names.origin: _words([play.origin for play in plays]),
        names.slate_id: pa.array(
            [None if play.slate_id is None else play.slate_id.bytes for play in plays], _KEY
        ),
        names.position: pa.array([play.position for play in plays], pa.uint16()),
        names.country: _words([play.country for play in plays]),
        names.is_private: _flags([play.is_private for play in plays]),
        names.received_at: _moments([play.received_at for play in plays], "ms"),
        "counts": _flags([is_listen(play) for play in plays]),
    }
    return pa.table(columns)


def listens_among(playback: pa.Table) -> pa.Table:
    """Rows of listens: the ends among `playback_events` rows that count."""
    counted = playback.filter(playback["counts"])
    same = (
        Listens.play_id,
        Listens.listener_id,
        Listens.song_id,
        Listens.played_ms,
        Listens.source,
        Listens.origin,
        Listens.slate_id,
        Listens.position,
        Listens.country,
        Listens.is_private,
    )
    columns = {name: counted[name] for name in same}
    return pa.table({**columns, Listens.listened_at: counted[PlaybackEvents.started_at]})


def seen(playback: pa.Table) -> pa.Table:
    """Rows of seen: the keys of `playback_events` rows; those of imports are kept for ever."""
    is_imported = pc.equal(playback[PlaybackEvents.source].cast(pa.string()), "imported")
    return pa.table(
        {
            Seen.play_key: playback[PlaybackEvents.play_id],
            Seen.kind: playback[PlaybackEvents.kind],
            Seen.is_kept: is_imported,
        }
    )


def imported_counts(counts: Sequence[ImportedCount]) -> pa.Table:
    """Rows of imported_counts."""
    names = ImportedCounts
    return pa.table(
        {
            names.origin: _words([count.origin for count in counts]),
            names.listener_id: pa.array([count.listener_id for count in counts], pa.uint64()),
            names.song_id: pa.array([count.song_id for count in counts], pa.uint64()),
            names.plays: pa.array([count.plays for count in counts], pa.uint64()),
            names.received_at: _moments([count.received_at for count in counts], "us"),
        }
    )


def songs(changes: Sequence[SongChanged]) -> pa.Table:
    """Rows of songs."""
    names = Songs
    return pa.table(
        {
            names.song_id: pa.array([song.song_id for song in changes], pa.uint64()),
            names.title: pa.array([song.title for song in changes], pa.string()),
            names.artist_id: pa.array([song.artist_id for song in changes], pa.uint64()),
            names.artist: pa.array([song.artist for song in changes], pa.string()),
            names.album: pa.array([song.album for song in changes], pa.string()),
            names.genre: _words([song.genre for song in changes]),
            names.song_ms: pa.array([song.song_ms for song in changes], pa.uint32()),
            names.released_on: _days([song.released_on for song in changes]),
            names.is_explicit: _flags([song.is_explicit for song in changes]),
            names.is_everywhere: _flags([song.regions is None for song in changes]),
            names.regions: _lists([song.regions or () for song in changes]),
            names.is_removed: _flags([song.is_removed for song in changes]),
            names.origin: _words([song.origin for song in changes]),
            names.external_id: pa.array([song.external_id for song in changes], pa.string()),
            names.version: pa.array([song.version for song in changes], pa.uint64()),
        }
    )


def lyrics(changes: Sequence[LyricsChanged]) -> pa.Table:
    """Rows of lyrics."""
    names = Lyrics
    return pa.table(
        {
            names.song_id: pa.array([told.song_id for told in changes], pa.uint64()),
            names.language: _words([told.language for told in changes]),
            names.opening: pa.array([told.opening for told in changes], pa.string()),
            names.version: pa.array([told.version for told in changes], pa.uint64()),
        }
    )


def listeners(changes: Sequence[ListenerChanged]) -> pa.Table:
    """Rows of listeners."""
    names = Listeners
    return pa.table(
        {
            names.listener_id: pa.array([listener.listener_id for listener in changes], pa.uint64()),
            names.country: _words([listener.country for listener in changes]),
            names.origin: _words([listener.origin for listener in changes]),
            names.external_id: pa.array([listener.external_id for listener in changes], pa.string()),
            names.version: pa.array([listener.version for listener in changes], pa.uint64()),
        }
    )


def opinions(changes: Sequence[OpinionChanged]) -> pa.Table:
    """Rows of opinions."""
    names = Opinions
    return pa.table(
        {
            names.listener_id: pa.array([told.listener_id for told in changes], pa.uint64()),
            names.kind: _words([told.kind for told in changes]),
            names.target_id: pa.array([told.target_id for told in changes], pa.uint64()),
            names.opinion: _words([told.opinion for told in changes]),
            names.version: pa.array([told.version for told in changes], pa.uint64()),
        }
    )


def follows(changes: Sequence[FollowChanged]) -> pa.Table:
    """Rows of follows."""
    names = Follows
    return pa.table(
        {
            names.listener_id: pa.array([told.listener_id for told in changes], pa.uint64()),
            names.kind: _words([told.kind for told in changes]),
            names.target_id: pa.array([told.target_id for told in changes], pa.uint64()),
            names.is_following: _flags([told.is_following for told in changes]),
            names.version: pa.array([told.version for told in changes], pa.uint64()),
        }
    )


def blocks(changes: Sequence[BlockChanged]) -> pa.Table:
    """Rows of blocks."""
    names = Blocks
    return pa.table(
        {
            names.listener_id: pa.array([told.listener_id for told in changes], pa.uint64()),
            names.blocked_id: pa.array([told.blocked_id for told in changes], pa.uint64()),
            names.is_blocked: _flags([told.is_blocked for told in changes]),
            names.version: pa.array([told.version for told in changes], pa.uint64()),
        }
    )


def preferences(changes: Sequence[PreferencesChanged]) -> pa.Table:
    """Rows of preferences."""
    names = Preferences
    return pa.table(
        {
            names.listener_id: pa.array([told.listener_id for told in changes], pa.uint64()),
            names.allows_explicit: _flags([told.allows_explicit for told in changes]),
            names.language: _words([told.language for told in changes]),
            names.genres: _lists([told.genres for told in changes]),
            names.version: pa.array([told.version for told in changes], pa.uint64()),
        }
    )


def _fits(event: Told, table_of: Callable[[Sequence[Told]], pa.Table]) -> bool:
    try:
        table_of([event])
    except (ValueError, OverflowError, TypeError):
        return False
    return True


def _flags(flags: Sequence[bool]) -> pa.Array:
    return pa.array(flags, pa.bool_())


def _lists(lists: Sequence[Sequence[str]]) -> pa.Array:
    return pa.array(lists, pa.list_(pa.string()))


def _words(words: Sequence[str]) -> pa.Array:
    """Text of few different values: ClickHouse reads a dictionary as an Enum or a LowCardinality."""
    return pa.array(words, pa.string()).dictionary_encode()


def _moments(moments: Sequence[datetime], unit: str) -> pa.Array:
    if moments and not _FIRST <= min(moments) <= max(moments) < _BEHIND_LAST:
        raise ValueError("a moment is outside the years 1900 to 2298")
    return pa.array(moments, pa.timestamp(unit, "UTC"))


def _days(days: Sequence[date | None]) -> pa.Array:
    known = [day for day in days if day is not None]
    if known and not _FIRST.date() <= min(known) <= max(known) < _BEHIND_LAST.date():
        raise ValueError("a day is outside the years 1900 to 2298")
    return pa.array(days, pa.date32())
