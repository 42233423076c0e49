"""What listeners told us outright, of this moment, in Redis: what they love, hide, follow, block and prefer."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from feature_store.definitions import (
    BLOCKED_LISTENERS,
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
    FollowChanged,
    OpinionChanged,
    PreferencesChanged,
)
from foundation.engines.redis import AsyncRedis, Redis, reachable
from foundation.ids import UserId

WORDS = 500  # of a listener that one script takes, so that none keeps other clients waiting
LISTENERS = 1000  # whose words travel together

Ids: TypeAlias = NDArray[np.int64]

# KEYS[1] holds the versions, KEYS[2…] the values. Of ARGV, five tell one word: its field and version, the number of a
# key, '+' or '-' or '=', and the member or value. Only a word newer than the last of its field is taken; a field may
# have several parts of the same version (a love that ends a hide), which all are.
TAKE = """
for at = 1, #ARGV, 5 do
    local known = tonumber(redis.call('HGET', KEYS[1], ARGV[at]) or '-1')
    if tonumber(ARGV[at + 1]) >= known then
        redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
        local key, what, value = KEYS[tonumber(ARGV[at + 2])], ARGV[at + 3], ARGV[at + 4]
        if what == '+' then redis.call('SADD', key, value)
        elseif what == '-' then redis.call('SREM', key, value)
        else redis.call('SET', key, value) end
    end
end
"""
# One string a set: the client takes ten times as long to read each member by itself.
TELL = """
local told = {redis.call('GET', KEYS[#KEYS]) or ''}
for at = 1, #KEYS - 1 do told[at + 1] = table.concat(redis.call('SMEMBERS', KEYS[at]), ' ') end
return told
"""

_VALUES = (*WISHES, PREFERENCES)
_PLACE = {feature: 2 + at for at, feature in enumerate(_VALUES)}  # among the keys of TAKE
_OPINIONS: dict[tuple[str, str], Feature] = {
    ("song", "love"): LOVED_SONGS,
    ("song", "hide"): HIDDEN_SONGS,
    ("artist", "love"): LOVED_ARTISTS,
    ("artist", "hide"): HIDDEN_ARTISTS,
}
_FOLLOWS: dict[str, Feature] = {"artist": FOLLOWED_ARTISTS, "listener": FOLLOWED_LISTENERS}


class Preferences(msgspec.Struct, frozen=True):
    """What a listener wants to be served; the defaults are those of who never said anything."""

    allows_explicit: bool = True
    language: str = ""  # ISO 639-1, "" where not told
    genres: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class WishesOnline:
    """Reads them on the request path. Raises Unreachable when Redis does not answer."""

    redis: AsyncRedis

    async def of(self, listener: UserId) -> Wishes:
        """One listener's wishes, in one round trip."""
        keys = [feature.key(listener) for feature in _VALUES]
        with reachable():
            preferences, *sets = await self.redis.eval(TELL, len(keys), *keys)
        ids = {
            feature.name: np.fromstring(each, np.int64, sep=" ")
            for feature, each in zip(WISHES, sets, strict=True)
        }
        told = msgspec.json.decode(preferences, type=Preferences) if preferences else Preferences()
        return Wishes(preferences=told, **ids)


def keep(redis: Redis, events: Sequence[Event]) -> None:
    """Take what the events tell; in any order and however often they come, the newest of each kind holds.

    Raises Unreachable when Redis does not answer; tell it again then.
    """
    words: defaultdict[int, list[str | int]] = defaultdict(list)
    for event in events:
        if isinstance(event, OpinionChanged | FollowChanged | BlockChanged | PreferencesChanged):
            words[event.listener_id] += _words(event)
    if not words:
        return
    everyone = list(words.items())
    with reachable():
        script = redis.register_script(TAKE)
        for start in range(0, len(everyone), LISTENERS):
            pipeline = redis.pipeline(transaction=False)
            for listener, told in everyone[start : start + LISTENERS]:
                keys = [feature.key(listener) for feature in (WISH_VERSIONS, *_VALUES)]
                for at in range(0, len(told), 5 * WORDS):
                    script(keys=keys, args=told[at : at + 5 * WORDS], client=pipeline)
            pipeline.execute()


def _words(event: OpinionChanged | FollowChanged | BlockChanged | PreferencesChanged) -> list[str | int]:
    """What an event says, as TAKE takes it. Any part of it may come again by itself."""
    match event:
        case OpinionChanged(kind=kind, target_id=target, opinion=opinion, version=version):
            words: list[str | int] = []
            for said in ("love", "hide"):
                is_so = "+" if opinion == said else "-"
                words += [f"{kind}:{target}", version, _PLACE[_OPINIONS[kind, said]], is_so, target]
            return words
        case FollowChanged(kind=kind, target_id=target, is_following=is_following, version=version):
            place = _PLACE[_FOLLOWS[kind]]
            return [f"follows:{kind}:{target}", version, place, "+" if is_following else "-", target]
        case BlockChanged(blocked_id=blocked, is_blocked=is_blocked, version=version):
            place = _PLACE[BLOCKED_LISTENERS]
            return [f"blocks:{blocked}", version, place, "+" if is_blocked else "-", blocked]
        case PreferencesChanged(version=version):
            told = Preferences(event.allows_explicit, event.language, event.genres)
            return ["preferences", version, _PLACE[PREFERENCES], "=", msgspec.json.encode(told).decode()]
