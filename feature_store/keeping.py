"""Writes what is told of listeners' listening into Redis, so that whatever comes twice, late or from two writers leaves the same.

Each value only ever moves one way: a song to a later listen, what is taken back to more, a country to a newer version. So the
shipper's sink and the job that writes back from the warehouse need not know of each other, and whoever comes second with
older news changes nothing. All of this raises Unreachable when Redis does not answer; tell it again then.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

from feature_store.definitions import HEARD_SONGS, KNOWN_LISTENER, RECENT_SONGS, TAKEN_BACK
from foundation.engines.redis import Redis, reachable

PIPELINE = 1000  # listeners whose changes travel together
MEMBERS = 1000  # of a set that one command adds, so that no command keeps other clients waiting
# Songs beyond the limit that are kept for when some of the newest are taken back; a list of 128 is small in Redis.
SPARE = 20
HELD = RECENT_SONGS.limit + SPARE

# A value that is told of again lasts longer; one that will last about as long stays untouched, for who holds a copy of it.
_LASTS = """
local function lasts(key, seconds)
    if redis.call('TTL', key) < tonumber(seconds) - 60 then redis.call('EXPIRE', key, seconds) end
end
"""
# KEYS[1] the heard songs. ARGV: for how many seconds they last, then songs. Tells how many are new.
HEAR = f"""{_LASTS}
local added = redis.call('SADD', KEYS[1], unpack(ARGV, 2))
lasts(KEYS[1], ARGV[1])
return added
"""
# Each song is raised to its latest listen, unless that was taken back. KEYS: the recent songs, what was taken back. ARGV: how
# many are kept and for how many seconds, then of each song its id, the time of the listen and the play. Tells how many changed,
# and which plays were taken back.
RAISE = f"""{_LASTS}
local has_taken_back, told = redis.call('EXISTS', KEYS[2]) == 1, {{0}}
for at = 3, #ARGV, 3 do
    local song, time, play = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    local back = has_taken_back and redis.call('ZSCORE', KEYS[2], song)
    if has_taken_back and redis.call('ZSCORE', KEYS[2], play) then
        told[#told + 1] = play
    elseif not back or tonumber(time) > tonumber(back) then
        told[1] = told[1] + redis.call('ZADD', KEYS[1], 'GT', 'CH', time, song)
    end
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[1])
lasts(KEYS[1], ARGV[2])
return told
"""
# A song is taken out unless it was listened to later. KEYS: the recent songs, what was taken back. ARGV: how much of that is
# kept, then of each listen its song, its time and the play. Tells how much changed.
TAKE_BACK = """
local changed = 0
for at = 2, #ARGV, 3 do
    local song, time = ARGV[at], ARGV[at + 1]
    changed = changed + redis.call('ZADD', KEYS[2], 'GT', 'CH', time, song, time, ARGV[at + 2])
    local known = redis.call('ZSCORE', KEYS[1], song)
    if known and tonumber(known) <= tonumber(time) then changed = changed + redis.call('ZREM', KEYS[1], song) end
end
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[1])
return changed
"""
# Kept unless something newer is. KEYS[1] the listener. ARGV: the version, the country, the seconds it lasts. Tells whether it is new.
KNOW = f"""{_LASTS}
local known = tonumber(string.match(redis.call('GET', KEYS[1]) or '', '^%d+') or '-1')
if tonumber(ARGV[1]) > known then
    redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'EX', ARGV[3])
    return 1
end
if tonumber(ARGV[1]) == known then lasts(KEYS[1], ARGV[3]) end
return 0
"""
T = TypeVar("T")


class Listen(NamedTuple):
    """The latest listen of a song."""

    song_id: int
    started_ms: int  # since 1970
    play_id: str  # 32 digits of base 16; "" of one that nobody took back


@dataclass(frozen=True, slots=True)
class Listening:
    """What is told of one listener's listening, and for how many seconds it is kept from now on."""

    heard: Sequence[int]  # songs, each once
    latest: Sequence[Listen] = ()  # of the newest songs
    heard_for: int = int(HEARD_SONGS.kept.total_seconds())
    recent_for: int = int(RECENT_SONGS.kept.total_seconds())


class Country(NamedTuple):
    """Where a listener is, as the catalog told it."""

    country: str  # "" where it is not told
    version: int
    kept_for: int = int(KNOWN_LISTENER.kept.total_seconds())


def keep_listening(redis: Redis, told: Mapping[int, Listening]) -> tuple[Counter[int], set[str]]:
    """Of each listener how many songs are new, or were listened to later than was known; and the plays that were taken back."""
    changed, refused = Counter[int](), set[str]()
    hear, raise_songs = redis.register_script(HEAR), redis.register_script(RAISE)
    with reachable():
        for some in parts(told.items()):
            pipeline, whose = redis.pipeline(transaction=False), []
            for listener, each in some:
                for start in range(0, len(each.heard), MEMBERS):
                    songs = each.heard[start : start + MEMBERS]
                    hear([HEARD_SONGS.key(listener)], [each.heard_for, *songs], pipeline)
                    whose.append(listener)
                if each.latest:
                    listens = [word for listen in each.latest for word in listen]
                    raise_songs(_recent_keys(listener), [HELD, each.recent_for, *listens], pipeline)
                    whose.append(listener)
            for listener, answer in zip(whose, pipeline.execute(), strict=True):
                many, *plays = answer if isinstance(answer, list) else [answer]
                changed[listener] += many
                refused.update(play.decode() for play in plays)
    return +changed, refused


def take_back(redis: Redis, told: Mapping[int, Sequence[Listen]]) -> Counter[int]:
    """Take listens back, by listener; of each how much changed."""
    changed: Counter[int] = Counter()
    script = redis.register_script(TAKE_BACK)
    with reachable():
        for some in parts(told.items()):
            pipeline, whose = redis.pipeline(transaction=False), []
            for listener, listens in some:
                for start in range(0, len(listens), MEMBERS):
                    words = [word for listen in listens[start : start + MEMBERS] for word in listen]
                    script(_recent_keys(listener), [TAKEN_BACK.limit, *words], pipeline)
                    whose.append(listener)
            _count(changed, whose, pipeline.execute())
    return changed


def know(redis: Redis, told: Iterable[tuple[int, Country]]) -> Counter[int]:
    """Know these listeners; which of them were not known, or not as they are now."""
    changed: Counter[int] = Counter()
    script = redis.register_script(KNOW)
    with reachable():
        for some in parts(told):
            pipeline = redis.pipeline(transaction=False)
            for listener, (country, version, kept_for) in some:
                script([KNOWN_LISTENER.key(listener)], [version, country, kept_for], pipeline)
            _count(changed, [listener for listener, _ in some], pipeline.execute())
    return changed


def parts(told: Iterable[T], size: int = PIPELINE) -> Iterator[list[T]]:
    """What travels together."""
    rest = iter(told)
    while some := list(islice(rest, size)):
        yield some


def _recent_keys(listener: int) -> list[str]:
    return [RECENT_SONGS.key(listener), TAKEN_BACK.key(listener)]


def _count(changed: Counter[int], whose: Sequence[int], answers: Sequence[object]) -> None:
    for listener, answer in zip(whose, answers, strict=True):
        if answer:
            changed[listener] += int(str(answer))
