"""Takes people out of the online features: their own values, and what others' values say of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from feature_store.definitions import BLOCKED_LISTENERS, FEATURES, FOLLOWED_LISTENERS, WISH_VERSIONS
from foundation.engines.redis import Redis, reachable

PIPELINE = 1000  # questions that travel together

# How many entries a value has, whatever its type.
SIZE = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return 0 end
if kind == 'zset' then return redis.call('ZCARD', KEYS[1]) end
if kind == 'set' then return redis.call('SCARD', KEYS[1]) end
if kind == 'hash' then return redis.call('HLEN', KEYS[1]) end
return 1
"""


def held(redis: Redis, listener: int, others: Sequence[int]) -> Counter[str]:
    """How many entries the features of a listener have, by feature, and how many of `others`' say something of them.

    Raises Unreachable.
    """
    with reachable():
        pipeline = redis.pipeline(transaction=False)
        for feature in FEATURES:
            pipeline.eval(SIZE, 1, feature.key(listener))
        sizes = pipeline.execute()
        found = Counter({feature.name: int(size) for feature, size in zip(FEATURES, sizes, strict=True)})
        for some in _thousands(others):
            pipeline = redis.pipeline(transaction=False)
            for other in some:
                for field in _fields(listener):
                    pipeline.hexists(WISH_VERSIONS.key(other), field)
            found["told_by_others"] += sum(map(int, pipeline.execute()))
    return +found


def forget(redis: Redis, listener: int, others: Sequence[int]) -> None:
    """Remove all of it. Raises Unreachable."""
    with reachable():
        redis.unlink(*(feature.key(listener) for feature in FEATURES))
        for some in _thousands(others):
            pipeline: Any = redis.pipeline(transaction=False)
            for other in some:
                pipeline.srem(FOLLOWED_LISTENERS.key(other), listener)
                pipeline.srem(BLOCKED_LISTENERS.key(other), listener)
                pipeline.hdel(WISH_VERSIONS.key(other), *_fields(listener))
            pipeline.execute()


def _fields(listener: int) -> tuple[str, str]:
    """Under which `wishes` remembers how new a follow and a block of this listener is."""
    return f"follows:listener:{listener}", f"blocks:{listener}"


def _thousands(people: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(people), PIPELINE):
        yield people[start : start + PIPELINE]
