"""The features of this moment in Redis: what a listener heard lately, and who is known at all; `wishes` has the rest.

A request reads all of it in one round trip.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from event_log.plays import COUNTS, Told
from feature_store import rights, wishes
from feature_store.definitions import (
    FEEDBACK,
    HEARD_SONGS,
    KNOWN_LISTENER,
    PREFERENCES,
    RECENT_SONGS,
    WISHES,
    Feature,
)
from feature_store.held import HeldListeners
from feature_store.wishes import NO_WISHES, Wishes
from foundation.contracts.events import Event, ImportedCount, ListenerChanged, ListenRemoved
from foundation.contracts.tables import PlaybackEvents
from foundation.engines.redis import AsyncRedis, Redis, reachable
from foundation.ids import SongId, UserId

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
PIPELINE = 1000  # listeners whose questions or changes travel together
MEMBERS = 1000  # of a set that one command adds, so that no command keeps other clients waiting

# Songs beyond the limit that are kept for when some of the newest are taken back; a list of 128 is small in Redis.
SPARE = 20
# Taken out unless the song was listened to later. KEYS[1] the recent songs; ARGV: the song, the time of the listen.
TAKE_BACK = """
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
if known and tonumber(known) <= tonumber(ARGV[2]) then redis.call('ZREM', KEYS[1], ARGV[1]) end
"""
# Kept unless something newer is. KEYS[1] the listener; ARGV: the version, the value, the seconds it is kept.
KNOW = """
local known = tonumber(string.match(redis.call('GET', KEYS[1]) or '', '^%d+') or '-1')
if tonumber(ARGV[1]) >= known then redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
"""
# One string a feature: the client takes ten times as long to read two hundred.
ALL = """
local told = {
    redis.call('GET', KEYS[1]) or '',
    table.concat(redis.call('ZREVRANGE', KEYS[2], 0, ARGV[1], 'WITHSCORES'), ' '),
    table.concat(redis.call('SMEMBERS', KEYS[3]), ' '),
    redis.call('GET', KEYS[4]) or '',
    table.concat(redis.call('HVALS', KEYS[5]), '\\n')
}
for at = 6, #KEYS do told[at] = table.concat(redis.call('SMEMBERS', KEYS[at]), ' ') end
return told
"""
_READ: tuple[Feature, ...] = (
    KNOWN_LISTENER,
    RECENT_SONGS,
    HEARD_SONGS,
    PREFERENCES,
    FEEDBACK,
    *WISHES,
)  # as ALL takes them

_HELD = RECENT_SONGS.limit + SPARE
PREFIXES = tuple(feature.prefix for feature in _READ)  # of the keys whose changes are a listener's
SongIds: TypeAlias = NDArray[np.int64]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RecentSong:
    """A song and when its latest listen began."""

    song_id: SongId
    listened_at: datetime


@dataclass(frozen=True, slots=True)
class Lately:
    """All that the online store knows of one listener; the recent songs are newest first."""

    is_known: bool
    song_ids: tuple[SongId, ...] = ()
    listened_ms: tuple[
        int, ...
    ] = ()  # since 1970; a request wants the songs alone, and times take long to make
    heard: SongIds = field(default_factory=lambda: np.empty(0, np.int64), compare=False)  # in no order
    country: str = ""  # where they are, ISO 3166-1 alpha-2; "" where it is not told
    wishes: Wishes = NO_WISHES
    state: int = 0  # another one when anything here is another, within this process; 0: nobody told

    @property
    def songs(self) -> tuple[RecentSong, ...]:
        """The recent songs with their times."""
        pairs = zip(self.song_ids, self.listened_ms, strict=True)
        return tuple(RecentSong(song, EPOCH + time * MILLISECOND) for song, time in pairs)


@dataclass(frozen=True, slots=True)
class ListenersOnline:
    """Reads the features on the request path. Raises Unreachable when Redis does not answer."""

    redis: AsyncRedis
    held: HeldListeners[Lately] = field(default_factory=HeldListeners)

    async def of(self, listener: UserId) -> Lately:
        """What one listener heard and told us, in one round trip; it is held for who cannot wait."""
        mark, lately = self.held.ask(listener), None
        try:
            with reachable():
                lately = _lately(await self.redis.eval(ALL, len(_READ), *_question(listener)))
        finally:
            self.held.hold(listener, mark, lately)
        return lately


def lately_of(redis: Redis, listeners: Sequence[UserId]) -> dict[UserId, Lately]:
    """The same of many listeners, for jobs and the command line: a round trip per thousand."""
    found: dict[UserId, Lately] = {}
    with reachable():
        for some in _thousands(listeners):
            pipeline = redis.pipeline(transaction=False)
            for listener in some:
                pipeline.eval(ALL, len(_READ), *_question(listener))
            found |= {each: _lately(answer) for each, answer in zip(some, pipeline.execute(), strict=True)}
    return found


@dataclass(slots=True)
class RecentSongsSink:
    """Keeps the features: takes each segment of the event log and raises each song to its latest listen.

    The state is the highest time of each song, cut to the newest songs, and beside it the set of all songs
    ever heard; each operation may be repeated and reordered at will. So segments may come twice or late, and nothing need
    be remembered about which have come. Nor which plays: of a play whose end is told twice with two lengths the
    warehouse takes the first, this the longer. Plays of private sessions leave nothing. A listen that is taken back takes
    its song out, unless it was listened to later; it stays among those heard, which no feed brings back. What listeners tell
    outright is kept beside it: see `wishes`.
    """

    redis: Redis
    name: str = RECENT_SONGS.name

    def apply(self, segment_ids: Sequence[str], events: Sequence[Event]) -> None:
        """Apply some segments. Raises Unreachable when Redis does not answer; apply them again then."""
        given = Told.of(events)
        showing = _showing_taste(given.plays)
        heard = list(_heard(showing, given.only(ImportedCount)).items())
        latest = _latest_listens(showing)
        told = given.only(ListenerChanged)
        wishes.keep(self.redis, given.others)
        rights.keep(self.redis, given.others)
        removed = given.only(ListenRemoved)
        with reachable():
            for some in _thousands(heard):
                pipeline = self.redis.pipeline(transaction=False)
                for listener, songs in some:
                    key = HEARD_SONGS.key(listener)
                    for start in range(0, len(songs), MEMBERS):
                        pipeline.sadd(key, *songs[start : start + MEMBERS])
                    pipeline.expire(key, HEARD_SONGS.kept)
                    if times := latest.get(listener):
                        key = RECENT_SONGS.key(listener)
                        pipeline.zadd(key, times, gt=True)
                        pipeline.zremrangebyrank(key, 0, -_HELD - 1)
                        pipeline.expire(key, RECENT_SONGS.kept)
                pipeline.execute()
            for removals in _thousands(removed):
                pipeline = self.redis.pipeline(transaction=False)
                for removal in removals:
                    key = RECENT_SONGS.key(removal.listener_id)
                    at = (removal.started_at - EPOCH) // MILLISECOND
                    pipeline.eval(TAKE_BACK, 1, key, str(removal.song_id), str(at))
                pipeline.execute()
            for listeners in _thousands(told):
                pipeline = self.redis.pipeline(transaction=False)
                for each in listeners:
                    value, kept = f"{each.version} {each.country}", int(KNOWN_LISTENER.kept.total_seconds())
                    pipeline.eval(
                        KNOW, 1, KNOWN_LISTENER.key(each.listener_id), str(each.version), value, str(kept)
                    )
                pipeline.execute()


def _showing_taste(plays: pa.Table) -> pl.DataFrame:
    """Of the listens that are not private: who heard which song, each once, and when last, in milliseconds since 1970."""
    names = PlaybackEvents
    listens = plays.filter(pc.and_not(plays[COUNTS], plays[names.is_private]))
    told = listens.select([names.listener_id, names.song_id, names.started_at])
    frame = pl.DataFrame(told).with_columns(pl.col(names.started_at).dt.epoch("ms"))
    return frame.group_by(names.listener_id, names.song_id).agg(pl.col(names.started_at).max().alias("at"))


def _heard(showing: pl.DataFrame, counts: Sequence[ImportedCount]) -> dict[int, list[int]]:
    """Per listener the songs of a segment that they have heard, whether it tells when or only how often."""
    by_listener = showing.group_by(PlaybackEvents.listener_id).agg(PlaybackEvents.song_id)
    heard: dict[int, list[int]] = dict(by_listener.iter_rows())
    for count in counts:
        heard.setdefault(count.listener_id, []).append(count.song_id)
    return heard


def _latest_listens(showing: pl.DataFrame) -> dict[int, dict[str, int]]:
    """Per listener the newest songs of a segment with their latest time, in milliseconds since 1970.

    Cut before they travel: an import brings tens of thousands of listens of one listener at once.
    """
    newest = (
        showing.with_columns(pl.col(PlaybackEvents.song_id).cast(pl.String))
        .sort("at", PlaybackEvents.song_id, descending=True)
        .group_by(PlaybackEvents.listener_id)
        .agg(pl.col(PlaybackEvents.song_id, "at").head(_HELD))
    )
    return {listener: dict(zip(songs, times, strict=True)) for listener, songs, times in newest.iter_rows()}


def _question(listener: UserId) -> list[str]:
    """The keys and the argument with which ALL tells what is known of a listener."""
    return [*(feature.key(listener) for feature in _READ), str(RECENT_SONGS.limit - 1)]


def _lately(answer: Sequence[bytes]) -> Lately:
    told, recent, listened, preferences, feedback, *sets = answer
    members = recent.split()
    heard = np.fromstring(listened, np.int64, sep=" ")
    songs = tuple(SongId(int(song)) for song in members[::2])
    times = tuple(int(time) for time in members[1::2])
    _, _, country = told.decode().partition(" ")
    return Lately(
        is_known=bool(told) or bool(songs) or len(heard) > 0,
        song_ids=songs,
        listened_ms=times,
        heard=heard,
        country=country,
        state=hash(tuple(answer)),
        wishes=Wishes.told(preferences, feedback, sets)
        if preferences or feedback or any(sets)
        else NO_WISHES,
    )


def _thousands(sequence: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(sequence), PIPELINE):
        yield sequence[start : start + PIPELINE]
