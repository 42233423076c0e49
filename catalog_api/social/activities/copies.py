"""Everyone's newest activities in Redis, as sorted sets: copies that may be behind, and know it.

Postgres is the truth, and counts the states of each person's activities. A copy carries the number of the state that it
shows: where Postgres tells of a later one, it is not used. So nothing is lost with Redis, and nothing in it has to be
undone when a write does not reach it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from catalog_api.social.activities.done import KEPT, Done
from foundation.engines.redis import AsyncRedis, reachable

LIFETIME = timedelta(days=7)  # of a copy that nothing is added to

# KEYS: copies, each followed by its state. ARGV: how many of each. Gives JSON: of each the state, and the newest first.
# One answer of one script, so that each copy and its state belong together; a hundred answers take ten times the time.
NEWEST = """
local told = {}
for place = 1, #KEYS, 2 do
    local members = redis.call('ZREVRANGE', KEYS[place], 0, ARGV[1] - 1)
    local state = redis.call('GET', KEYS[place + 1]) or '-1'
    told[#told + 1] = '[' .. state .. ',[' .. table.concat(members, ',') .. ']]'
end
return '[' .. table.concat(told, ',') .. ']'
"""
# KEYS: the copy, its state. ARGV: the state before, the state after, id, activity, how many are kept, milliseconds.
# A copy of another state is left as it is: whoever reads it sees that it is behind.
ADD = """
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[4])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[6])
return 1
"""
# KEYS as above. ARGV: the state, milliseconds, then id and activity of each.
FILL = """
if tonumber(redis.call('GET', KEYS[2]) or '-1') >= tonumber(ARGV[1]) then return 0 end
redis.call('UNLINK', KEYS[1])
for place = 3, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[place], ARGV[place + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
"""

_MILLISECONDS = LIFETIME // timedelta(milliseconds=1)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[tuple[int, list[Done]]]).decode


def keys_of(user_id: int) -> tuple[str, str]:
    """The keys of a person's copy and of its state, on the same node of a cluster.

    >>> keys_of(7)
    ('user:7:feed', '{user:7:feed}:version')
    """
    key = f"user:{user_id}:feed"
    return key, f"{{{key}}}:version"


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies; whatever they are asked raises Unreachable while Redis is away."""

    redis: AsyncRedis

    async def add(self, done: Done, before: int) -> None:
        """Put a new activity on top of the copy that shows the state `before`, if it does."""
        arguments = (before, before + 1, done.id, _encode(done), KEPT, _MILLISECONDS)
        with reachable():
            await self._script(ADD)(keys=keys_of(done.user_id), args=arguments)

    async def newest(self, versions: Mapping[int, int], limit: int) -> dict[int, list[Done]]:
        """The newest activities of those whose copies show at least these states, in one round trip."""
        keys = [key for user_id in versions for key in keys_of(user_id)]
        with reachable():
            told = _decode(await self._script(NEWEST)(keys=keys, args=[limit]))
        # Redis may have dropped the one key of a copy to make room, and not the other.
        return {
            user_id: activities
            for (user_id, version), (state, activities) in zip(versions.items(), told, strict=True)
            if state >= version and activities
        }

    async def fill(self, told: Mapping[int, tuple[int, Iterable[Done]]]) -> None:
        """Make copies anew from what Postgres told: the state of each person, and all their activities."""
        with reachable():
            pipeline = self.redis.pipeline(transaction=False)
            fill = self._script(FILL)
            for user_id, (version, activities) in told.items():
                members = [part for done in activities for part in (done.id, _encode(done))]
                await fill(keys=keys_of(user_id), args=[version, _MILLISECONDS, *members], client=pipeline)
            await pipeline.execute()

    async def drop(self, user_id: int) -> None:
        """Remove the copy of a person who leaves."""
        with reachable():
            await self.redis.unlink(*keys_of(user_id))

    def _script(self, text: str) -> Any:
        return self.redis.register_script(text)
