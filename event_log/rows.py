"""Events as the rows of the warehouse's tables, in Arrow."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import TypeVar

import pyarrow as pa

from event_log.columns import KEY, Array
from event_log.plays import binary, words
from event_log.settling import SEEN_KINDS
from foundation.contracts.events import (
    BlockChanged,
    Event,
    FeedbackGiven,
    FollowChanged,
    ImportedCount,
    ListenerChanged,
    LyricsChanged,
    OpinionChanged,
    PlaylistChanged,
    PreferencesChanged,
    SearchMade,
    SlateServed,
    SongChanged,
)
from foundation.contracts.tables import (
    Blocks,
    Feedback,
    Follows,
    ImportedCounts,
    Impressions,
    Listeners,
    Listens,
    Lyrics,
    Opinions,
    PlaybackEvents,
    Playlists,
    Preferences,
    Searches,
    Seen,
    Songs,
)

Shape = TypeVar("Shape", bound=Event)

_FIRST, _BEHIND_LAST = (
    datetime(1900, 1, 1, tzinfo=UTC),
    datetime(2299, 1, 1, tzinfo=UTC),
)  # of Date32, DateTime64


def fitting(
    told: Sequence[Shape], table_of: Callable[[Sequence[Shape]], pa.Table]
) -> tuple[pa.Table, list[Shape]]:
    """The table of the events whose values the columns can hold, and the events left out.

    Whoever sends an event checks it; this keeps one that slipped through from stopping all behind it for ever.
    """
    try:
        return table_of(told), []
    except (ValueError, OverflowError, TypeError):
        unfit = [event for event in told if not _fits(event, table_of)]
        left_out = set(map(id, unfit))
        return table_of([event for event in told if id(event) not in left_out]), unfit


def listens_of(playback: pa.Table) -> pa.Table:
    """Rows of listens: those that `playback_events` rows make."""
    same = (
        Listens.play_id,
        Listens.listener_id,
        Listens.song_id,
        Listens.played_ms,
        Listens.song_ms,
        Listens.outcome,
        Listens.confidence,
        Listens.source,
        Listens.origin,
        Listens.slate_id,
        Listens.position,
        Listens.playlist_id,
        Listens.country,
        Listens.is_private,
    )
    columns = {name: playback[name] for name in same}
    return pa.table({**columns, Listens.listened_at: playback[PlaybackEvents.started_at]})


def seen(keys: Array, are_kept: Array) -> pa.Table:
    """Rows of seen: keys of 16 bytes and a kind; those of imports are kept for ever."""
    return pa.table(
        {
            Seen.play_key: binary(keys[:, :-1]),
            Seen.kind: words(pa.array(keys[:, -1] - 1), SEEN_KINDS),
            Seen.is_kept: pa.array(are_kept),
        }
    )


def impressions(slates: Sequence[SlateServed]) -> pa.Table:
    """Rows of impressions, one per song of each slate."""
    names = Impressions
    shown = [(slate, place, song) for slate in slates for place, song in enumerate(slate.songs, start=1)]
    return pa.table(
        {
            names.slate_id: pa.array([slate.slate_id.bytes for slate, _, _ in shown], KEY),
            names.listener_id: pa.array([slate.listener_id for slate, _, _ in shown], pa.uint64()),
            names.served_at: _moments([slate.served_at for slate, _, _ in shown], "ms"),
            names.surface: _words([slate.surface for slate, _, _ in shown]),
            names.policy: _words([slate.policy for slate, _, _ in shown]),
            names.model: _words([slate.model for slate, _, _ in shown]),
            names.version: _words([slate.version for slate, _, _ in shown]),
            names.position: pa.array([place for _, place, _ in shown], pa.uint16()),
            names.song_id: pa.array([song.song_id for _, _, song in shown], pa.uint64()),
            names.score: pa.array([song.score for _, _, song in shown], pa.float32()),
            names.propensity: pa.array([song.propensity for _, _, song in shown], pa.float32()),
            names.seed: pa.array([slate.seed for slate, _, _ in shown], pa.uint64()),
            names.candidates_hash: pa.array([slate.candidates_hash for slate, _, _ in shown], pa.uint64()),
        }
    )


def searches(made: Sequence[SearchMade]) -> pa.Table:
    """Rows of searches."""
    names = Searches
    return pa.table(
        {
            names.search_id: pa.array([search.search_id.bytes for search in made], KEY),
            names.listener_id: pa.array([search.listener_id for search in made], pa.uint64()),
            names.query: pa.array([search.query for search in made], pa.string()),
            names.kind: _words([search.kind for search in made]),
            names.results: pa.array([search.results for search in made], pa.uint32()),
            names.searched_at: _moments([search.searched_at for search in made], "ms"),
            names.country: _words([search.country for search in made]),
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
            names.album_id: pa.array([song.album_id or 0 for song in changes], pa.uint64()),
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


def playlists(changes: Sequence[PlaylistChanged]) -> pa.Table:
    """Rows of playlists."""
    names = Playlists
    return pa.table(
        {
            names.playlist_id: pa.array([told.playlist_id for told in changes], pa.uint64()),
            names.is_public: _flags([told.is_public for told in changes]),
            names.version: pa.array([told.version for told in changes], pa.uint64()),
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


def feedback(changes: Sequence[FeedbackGiven]) -> pa.Table:
    """Rows of feedback."""
    names = Feedback
    ends = [told.until for told in changes]
    _moments([until for until in ends if until is not None], "ms")  # raises where a column cannot hold one
    return pa.table(
        {
            names.listener_id: pa.array([told.listener_id for told in changes], pa.uint64()),
            names.kind: _words([told.kind for told in changes]),
            names.target_id: pa.array([told.target_id for told in changes], pa.uint64()),
            names.genre: _words([told.genre for told in changes]),
            names.wish: _words([told.wish for told in changes]),
            names.until: pa.array(ends, pa.timestamp("ms", "UTC")),
            names.version: pa.array([told.version for told in changes], pa.uint64()),
        }
    )


def _fits(event: Shape, table_of: Callable[[Sequence[Shape]], pa.Table]) -> bool:
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
