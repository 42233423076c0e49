"""What the catalog told of songs lately, in Redis: whether they are removed or explicit, and where they may be played.

A bundle knows this of its songs as of its making; a feed must follow at once. The newest changes are kept, enough for a
process to catch up with from any bundle that serves; after an import of more songs than that, the next bundle has them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from feature_store.definitions import CHANGED_SONGS
from foundation.contracts.events import Event, SongChanged
from foundation.engines.redis import AsyncRedis, Redis, reachable

TOGETHER = 500  # songs that one command takes or tells, so that none keeps other clients waiting
BEFORE = 60_000_000  # microseconds before the newest known change that are read again: some come late
T = TypeVar("T")
_ORDER, _RIGHTS = CHANGED_SONGS.key(0), f"{CHANGED_SONGS.key(0)}:rights"

# KEYS: the songs by version, and what was told of each. ARGV: how many are kept and for how many seconds, then of each
# song its id, its version and all that is told of it, which begins with the version. Tells how many are new.
TAKE = """
local changed = 0
for at = 3, #ARGV, 3 do
    local told = redis.call('HGET', KEYS[2], ARGV[at])
    local known = tonumber(string.match(told or '', '^%d+') or '-1')
    if tonumber(ARGV[at + 1]) >= known and told ~= ARGV[at + 2] then
        redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 2])
        redis.call('ZADD', KEYS[1], ARGV[at + 1], ARGV[at])
        changed = changed + 1
    end
end
local old = redis.call('ZRANGE', KEYS[1], 0, -1 - tonumber(ARGV[1]))
for _, song in ipairs(old) do redis.call('HDEL', KEYS[2], song) redis.call('ZREM', KEYS[1], song) end
for at = 1, 2 do redis.call('EXPIRE', KEYS[at], ARGV[2]) end
return changed
"""


@dataclass(frozen=True, slots=True)
class SongRights:
    """Of one song, as the catalog last told it."""

    song_id: int
    version: int  # microseconds since 1970
    is_removed: bool
    is_explicit: bool
    regions: tuple[str, ...] | None  # None: everywhere

    @classmethod
    def of(cls, song: SongChanged) -> "SongRights":
        return cls(song.song_id, song.version, song.is_removed, song.is_explicit, song.regions)

    @property
    def line(self) -> str:
        """As Redis keeps it."""
        where = "*" if self.regions is None else ",".join(self.regions)
        return f"{self.version} {self.is_removed:d} {self.is_explicit:d} {where}"


def keep(redis: Redis, events: Sequence[Event]) -> None:
    """Take what the events tell of songs; in any order and however often, the newest of each holds. Raises Unreachable."""
    write(redis, [SongRights.of(event) for event in events if isinstance(event, SongChanged)])


def write(redis: Redis, told: Sequence[SongRights]) -> int:
    """The same of what is told already; how many songs that changed. Raises Unreachable."""
    newest = {each.song_id: each for each in sorted(told, key=lambda each: each.version)}
    changes = sorted(newest.values(), key=lambda each: each.version)[-CHANGED_SONGS.limit :]
    limits = (str(CHANGED_SONGS.limit), str(int(CHANGED_SONGS.kept.total_seconds())))
    changed = 0
    with reachable():
        for some in _parts(changes):
            words = [word for each in some for word in (str(each.song_id), str(each.version), each.line)]
            changed += int(str(redis.eval(TAKE, 2, _ORDER, _RIGHTS, *limits, *words)))
    return changed


async def changed_since(redis: AsyncRedis, version: int) -> list[SongRights]:
    """What was told since about that version, for who follows; 0 for all that is kept. Raises Unreachable."""
    found: list[SongRights] = []
    with reachable():
        answer: Any = await redis.zrangebyscore(_ORDER, version - BEFORE, "+inf")
        songs: list[bytes] = answer
        for some in _parts(songs):
            lines: Any = await redis.hmget(_RIGHTS, list(some))
            pairs = zip(some, lines, strict=True)
            found += [_rights(int(song), line.decode()) for song, line in pairs if line is not None]
    return [each for each in found if each.version >= version - BEFORE]


def _rights(song_id: int, line: str) -> SongRights:
    version, removed, explicit, where = line.split(" ")
    regions = None if where == "*" else tuple(where.split(",")) if where else ()
    return SongRights(song_id, int(version), removed == "1", explicit == "1", regions)


def _parts(sequence: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(sequence), TOGETHER):
        yield sequence[start : start + TOGETHER]
