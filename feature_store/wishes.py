"""What listeners told us outright, of this moment, in Redis: loves, hides, follows, blocks, preferences and feedback."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from feature_store.definitions import (
    BLOCKED_LISTENERS,
    FEEDBACK,
    FOLLOWED_ARTISTS,
    FOLLOWED_LISTENERS,
    HIDDEN_ARTISTS,
    HIDDEN_SONGS,
    LOVED_ARTISTS,
    LOVED_SONGS,
    PREFERENCES,
    WISH_VERSIONS,
    WISHES,
    Feature,
)
from foundation.contracts.events import (
    BlockChanged,
    Event,
    FeedbackGiven,
    FollowChanged,
    OpinionChanged,
    PreferencesChanged,
)
from foundation.engines.redis import AsyncRedis, Redis, reachable

WORDS = 500  # of a listener that one script takes, so that none keeps other clients waiting
LISTENERS = 1000  # whose words travel together

Ids: TypeAlias = NDArray[np.int64]

# KEYS[1] holds the versions, KEYS[2…] the values. Of ARGV, five tell one word: its field and version, the number of a
# key, '+' or '-' or '=' or '#', and the member or value. Only a word no older than the last of its field is taken; a field may
# have several parts of the same version (a love that ends a hide), which all are. '#' keeps a value under its field, or
# takes it out where the value is ''. What is so already stays untouched, for who holds a copy of it. Tells how much changed.
TAKE = """
local changed = 0
for at = 1, #ARGV, 5 do
    local known = redis.call('HGET', KEYS[1], ARGV[at])
    if tonumber(ARGV[at + 1]) >= tonumber(known or '-1') then
        local key, what, value, new = KEYS[tonumber(ARGV[at + 2])], ARGV[at + 3], ARGV[at + 4], 0
        if ARGV[at + 1] ~= known then
            redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
            new = 1
        end
        if what == '+' then new = new + redis.call('SADD', key, value)
        elseif what == '-' then new = new + redis.call('SREM', key, value)
        elseif what == '=' then
            if redis.call('GET', key) ~= value then redis.call('SET', key, value) new = 1 end
        elseif value == '' then new = new + redis.call('HDEL', key, ARGV[at])
        elseif redis.call('HGET', key, ARGV[at]) ~= value then
            redis.call('HSET', key, ARGV[at], value)
            new = 1
        end
        if new > 0 then changed = changed + 1 end
    end
end
return changed
"""
Word: TypeAlias = OpinionChanged | FollowChanged | BlockChanged | PreferencesChanged | FeedbackGiven

_VALUES = (*WISHES, PREFERENCES, FEEDBACK)
_PLACE = {feature: 2 + at for at, feature in enumerate(_VALUES)}  # among the keys of TAKE
OPINIONS: dict[tuple[str, str], Feature] = {
    ("song", "love"): LOVED_SONGS,
    ("song", "hide"): HIDDEN_SONGS,
    ("artist", "love"): LOVED_ARTISTS,
    ("artist", "hide"): HIDDEN_ARTISTS,
}
FOLLOWS: dict[str, Feature] = {"artist": FOLLOWED_ARTISTS, "listener": FOLLOWED_LISTENERS}


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Preferences(msgspec.Struct, frozen=True):
    """What a listener wants to be served; the defaults are those of who never said anything."""

    allows_explicit: bool = True
    language: str = ""  # ISO 639-1, "" where not told
    genres: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Feedback:
    """One thing that a listener wants of their recommendations: see `FeedbackGiven`."""

    kind: str
    target_id: int
    genre: str
    wish: str
    until: datetime | None
    given_at: datetime

    def holds(self, at: datetime) -> bool:
        """Whether it has not run out."""
        return self.until is None or at < self.until


def _none() -> Ids:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Wishes:
    """All that one listener told us; ids in no order. The fields are named as the features are."""

    loved_songs: Ids = field(default_factory=_none, compare=False)
    hidden_songs: Ids = field(default_factory=_none, compare=False)
    loved_artists: Ids = field(default_factory=_none, compare=False)
    hidden_artists: Ids = field(default_factory=_none, compare=False)
    followed_artists: Ids = field(default_factory=_none, compare=False)
    followed_listeners: Ids = field(default_factory=_none, compare=False)
    blocked_listeners: Ids = field(default_factory=_none, compare=False)
    preferences: Preferences = field(default_factory=Preferences)
    feedback: tuple[Feedback, ...] = ()  # the oldest first

    @classmethod
    def told(cls, preferences: bytes, feedback: bytes, sets: Sequence[bytes]) -> "Wishes":
        """From the texts that the online store keeps: JSON, a line each, and the numbers of each of `WISHES`."""
        return cls(
            **{
                each.name: np.fromstring(ids, np.int64, sep=" ")
                for each, ids in zip(WISHES, sets, strict=True)
                if ids
            },
            preferences=msgspec.json.decode(preferences, type=Preferences) if preferences else Preferences(),
            feedback=tuple(
                sorted(map(_feedback, feedback.decode().splitlines()), key=lambda each: each.given_at)
            ),
        )


NO_WISHES = Wishes()


def _line(event: FeedbackGiven) -> str:
    """Feedback as one line; the genre comes last, since it may have spaces."""
    until = "-" if event.until is None else str((event.until - _EPOCH) // timedelta(milliseconds=1))
    return f"{event.kind} {event.target_id} {event.wish} {until} {event.version} {event.genre}"


def _feedback(line: str) -> Feedback:
    kind, target, wish, until, version, genre = line.split(" ", maxsplit=5)
    ends_at = None if until == "-" else _EPOCH + timedelta(milliseconds=int(until))
    return Feedback(kind, int(target), genre, wish, ends_at, _EPOCH + timedelta(microseconds=int(version)))


def keep(redis: Redis, events: Sequence[Event]) -> Counter[int]:
    """Take what the events tell; in any order and however often they come, the newest of each kind holds.

    Of each listener how much changed. Raises Unreachable when Redis does not answer; tell it again then.
    """
    words: defaultdict[int, list[str | int]] = defaultdict(list)
    for event in events:
        if isinstance(event, Word):
            words[event.listener_id] += _words(event)
    changed: Counter[int] = Counter()
    if not words:
        return changed
    everyone = list(words.items())
    with reachable():
        script = redis.register_script(TAKE)
        for start in range(0, len(everyone), LISTENERS):
            pipeline, whose = redis.pipeline(transaction=False), []
            for listener, told in everyone[start : start + LISTENERS]:
                for at in range(0, len(told), 5 * WORDS):
                    script(keys=_keys(listener), args=told[at : at + 5 * WORDS], client=pipeline)
                    whose.append(listener)
            for listener, many in zip(whose, pipeline.execute(), strict=True):
                changed[listener] += many
    return +changed


async def keep_now(redis: AsyncRedis, event: Word) -> None:
    """The same of one word, for who told it and asks again at once. Raises Unreachable: then the shipper's sink keeps it."""
    with reachable():
        keys = _keys(event.listener_id)
        await redis.eval(TAKE, len(keys), *keys, *_words(event))


def _keys(listener: int) -> list[str]:
    return [feature.key(listener) for feature in (WISH_VERSIONS, *_VALUES)]


def _words(event: Word) -> list[str | int]:
    """What an event says, as TAKE takes it. Any part of it may come again by itself."""
    match event:
        case OpinionChanged(kind=kind, target_id=target, opinion=opinion, version=version):
            words: list[str | int] = []
            for said in ("love", "hide"):
                is_so = "+" if opinion == said else "-"
                words += [f"{kind}:{target}", version, _PLACE[OPINIONS[kind, said]], is_so, target]
            return words
        case FollowChanged(kind=kind, target_id=target, is_following=is_following, version=version):
            place = _PLACE[FOLLOWS[kind]]
            return [f"follows:{kind}:{target}", version, place, "+" if is_following else "-", target]
        case BlockChanged(blocked_id=blocked, is_blocked=is_blocked, version=version):
            place = _PLACE[BLOCKED_LISTENERS]
            return [f"blocks:{blocked}", version, place, "+" if is_blocked else "-", blocked]
        case PreferencesChanged(version=version):
            told = Preferences(event.allows_explicit, event.language, event.genres)
            return ["preferences", version, _PLACE[PREFERENCES], "=", msgspec.json.encode(told).decode()]
        case FeedbackGiven(kind=kind, target_id=target, genre=genre, wish=wish, version=version):
            field = f"feedback:{kind}:{genre or target}"
            return [field, version, _PLACE[FEEDBACK], "#", _line(event) if wish else ""]
