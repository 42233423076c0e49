"""The features of this moment in Redis: what a listener heard lately, and who is known at all; `wishes` has the rest.

A request reads all of it in one round trip.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from event_log.plays import COUNTS, Told
from feature_store import keeping, rights, wishes
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
from feature_store.keeping import HELD, Country, Listen, Listening, parts
from feature_store.wishes import NO_WISHES, Wishes
from foundation.contracts.events import Event, ImportedCount, ListenerChanged, ListenRemoved
from foundation.contracts.tables import PlaybackEvents
from foundation.engines.redis import AsyncRedis, Redis, reachable
from foundation.ids import SongId, UserId

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
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

PREFIXES = tuple(feature.prefix for feature in _READ)  # of the keys whose changes are a listener's
_SONG = [PlaybackEvents.listener_id, PlaybackEvents.song_id]
SongIds: TypeAlias = NDArray[np.int64]


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
        for some in parts(listeners):
            pipeline = redis.pipeline(transaction=False)
            for listener in some:
                pipeline.eval(ALL, len(_READ), *_question(listener))
            found |= {each: _lately(answer) for each, answer in zip(some, pipeline.execute(), strict=True)}
    return found


@dataclass(slots=True)
class RecentSongsSink:
    """Keeps the features: takes each segment of the event log and raises each song to its latest listen.

    The state is the highest time of each song, cut to the newest songs, what was taken back, and the set of all songs
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
        wishes.keep(self.redis, given.others)
        rights.keep(self.redis, given.others)
        # First of all: where a play comes again together with its removal, it is known to be taken back.
        keeping.take_back(self.redis, _removals(given.only(ListenRemoved)))
        listens = _showing_taste(given.plays)
        showing = _latest(listens)
        newest = _newest(showing)
        told = {
            listener: Listening(songs, newest.get(listener, ()))
            for listener, songs in _heard(showing, given.only(ImportedCount)).items()
        }
        _, refused = keeping.keep_listening(self.redis, told)
        while refused:  # of these songs an earlier listen may count that is told here, too
            were_taken_back = pl.col(PlaybackEvents.play_id).is_in(refused)
            songs = listens.filter(were_taken_back).select(_SONG)
            listens = listens.filter(~were_taken_back).join(songs, on=_SONG, how="semi")
            again = {who: Listening((), latest) for who, latest in _newest(_latest(listens)).items()}
            _, refused = keeping.keep_listening(self.redis, again)
        people = given.only(ListenerChanged)
        keeping.know(self.redis, ((each.listener_id, Country(each.country, each.version)) for each in people))


def _removals(removed: Sequence[ListenRemoved]) -> dict[int, list[Listen]]:
    told: defaultdict[int, list[Listen]] = defaultdict(list)
    for each in removed:
        at_ms = (each.started_at - EPOCH) // MILLISECOND
        told[each.listener_id].append(Listen(each.song_id, at_ms, each.play_id.hex))
    return told


def _showing_taste(plays: pa.Table) -> pl.DataFrame:
    """The listens that are not private, the latest last; `at` is in milliseconds since 1970."""
    names = PlaybackEvents
    listens = plays.filter(pc.and_not(plays[COUNTS], plays[names.is_private]))
    told = pl.DataFrame(listens.select([*_SONG, names.started_at, names.play_id]))
    at, play = pl.col(names.started_at).dt.epoch("ms").alias("at"), pl.col(names.play_id).bin.encode("hex")
    return told.select(*_SONG, at, play).sort("at")


def _latest(listens: pl.DataFrame) -> pl.DataFrame:
    """Of each listener and song the latest listen."""
    return listens.unique(_SONG, keep="last")


def _heard(showing: pl.DataFrame, counts: Sequence[ImportedCount]) -> dict[int, list[int]]:
    """Per listener the songs of a segment that they have heard, whether it tells when or only how often."""
    by_listener = showing.group_by(PlaybackEvents.listener_id).agg(PlaybackEvents.song_id)
    heard: dict[int, list[int]] = dict(by_listener.iter_rows())
    for count in counts:
        heard.setdefault(count.listener_id, []).append(count.song_id)
    return heard


def _newest(showing: pl.DataFrame) -> dict[int, list[Listen]]:
    """Per listener the newest songs of a segment with their latest listen.

    Cut before they travel: an import brings tens of thousands of listens of one listener at once.
    """
    names = PlaybackEvents
    newest = (
        showing.sort("at", pl.col(names.song_id).cast(pl.String), descending=True)
        .group_by(names.listener_id)
        .agg(pl.col(names.song_id, "at", names.play_id).head(HELD))
    )
    return {
        listener: list(map(Listen._make, zip(*columns, strict=True)))
        for listener, *columns in newest.iter_rows()
    }


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
