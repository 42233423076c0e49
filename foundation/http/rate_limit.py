"""Limits how many requests one principal or address may make, over all workers, mostly without asking anybody.

A window holds a number of tokens in Redis. A worker leases a tenth of them at a time and spends these from memory, so
nine requests of ten and more make no round trip. Towards the end of a window leases get smaller, so that hardly a token
lies unspent in one worker while another refuses. While Redis is away, each worker spends its own share of the window:
together they let pass at most once more what the limit allows.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

from foundation import metrics
from foundation.engines.redis import AsyncRedis, reachable
from foundation.errors import Problem, Unreachable

log = logging.getLogger(__name__)

PIECES = 10  # a lease is this part of a window's tokens
ROOM = 100_000  # leases kept at once; the oldest goes first, and costs its owner a round trip
AWAY = 1.0  # seconds for which a Redis that did not answer is not asked again

# KEYS[1] the window; ARGV: tokens wanted, the limit, milliseconds the window is kept. Gives the tokens granted, and
# those that are left for everyone.
LEASE = """
local wanted, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local spent = tonumber(redis.call('GET', KEYS[1]) or '0')
local granted = math.max(0, math.min(wanted, limit - spent))
if granted > 0 then
    redis.call('INCRBY', KEYS[1], granted)
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {granted, math.max(0, limit - spent - granted)}
"""


class TooManyRequests(Problem):
    """The budget of this window is spent; `retry_after` says in how many seconds the next one begins."""

    status, title = 429, "Too many requests"


@dataclass(frozen=True, slots=True)
class Policy:
    """A budget: so many requests of one principal or address in each window of so many seconds."""

    name: str
    limit: int
    window: int
    header: bytes = field(init=False)

    def __post_init__(self) -> None:
        """The field RateLimit-Policy is made once (draft-ietf-httpapi-ratelimit-headers, since its revision 08).

        >>> Policy("free", 100, 60).header
        b'"free";q=100;w=60'
        """
        header = b'"%s";q=%d;w=%d' % (self.name.encode(), self.limit, self.window)
        object.__setattr__(self, "header", header)

    def state(self, left: int, reset: int) -> bytes:
        """The field RateLimit: how many requests are left, and the seconds until the next window.

        >>> Policy("free", 100, 60).state(50, 30)
        b'"free";r=50;t=30'
        """
        return b'"%s";r=%d;t=%d' % (self.name.encode(), left, reset)


class Lease:
    """Tokens of one window that this worker may spend."""

    __slots__ = ("left", "may_grow", "others", "window")

    def __init__(self, window: int, left: int, others: int, *, may_grow: bool) -> None:
        self.window, self.left, self.others, self.may_grow = window, left, others, may_grow


class RateLimits:
    """The leases of one worker."""

    def __init__(
        self,
        redis: AsyncRedis,
        *,
        workers: int,
        seconds: Callable[[], float] = time.time,
        room: int = ROOM,
    ) -> None:
        """`workers` share a limit while Redis is away; `seconds` since 1970, alike everywhere."""
        self._redis, self._workers, self._seconds, self._room = redis, workers, seconds, room
        self._script = redis.register_script(LEASE)
        self._leases: dict[str, Lease] = {}
        self._asking: dict[str, asyncio.Task[Lease]] = {}
        self._away_until = 0.0

    async def take(self, policy: Policy, who: str) -> tuple[bool, int, int]:
        """Spend a token: whether there was one, about how many are left, and the seconds until the next window."""
        key = f"{policy.name}:{who}"
        while True:
            now = self._seconds()
            window = int(now // policy.window)
            lease = self._leases.get(key)
            if lease is None or lease.window != window:
                lease = await self._leased(key, policy, window, None)
            elif not lease.left and lease.may_grow:
                lease = await self._leased(key, policy, window, lease)
            reset = ceil((window + 1) * policy.window - now)
            if lease.left:
                lease.left -= 1
                return True, lease.left + lease.others, reset
            if not lease.may_grow:
                return False, 0, reset

    async def _leased(self, key: str, policy: Policy, window: int, before: Lease | None) -> Lease:
        """A new lease, asked for once however many requests wait for it."""
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.create_task(self._ask(key, policy, window, before))
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        # One who is cancelled takes the lease from nobody else.
        return await asyncio.shield(asking)

    async def _ask(self, key: str, policy: Policy, window: int, before: Lease | None) -> Lease:
        wanted = max(1, policy.limit // PIECES)
        if before is not None:
            wanted = max(1, min(wanted, before.others // self._workers))
        lease = await self._shared(key, policy, window, wanted) or self._local(policy, window)
        self._leases.pop(key, None)
        self._leases[key] = lease
        if len(self._leases) > self._room:
            del self._leases[next(iter(self._leases))]
        return lease

    async def _shared(self, key: str, policy: Policy, window: int, wanted: int) -> Lease | None:
        if self._seconds() < self._away_until:
            return None
        try:
            with reachable():
                granted, others = await self._script(
                    keys=[f"limit:{key}:{window}"], args=[wanted, policy.limit, 2000 * policy.window]
                )
        except Unreachable as away:
            log.warning("rate limits are not shared: %s", away)
            self._away_until = self._seconds() + AWAY
            return None
        metrics.rate_limit_leases.labels("shared").inc()
        return Lease(window, int(granted), int(others), may_grow=others > 0)

    def _local(self, policy: Policy, window: int) -> Lease:
        """This worker's share of a whole window, once in that window."""
        metrics.rate_limit_leases.labels("local").inc()
        return Lease(window, max(1, policy.limit // self._workers), 0, may_grow=False)


def too_many(policy: Policy, reset: int) -> TooManyRequests:
    """The refusal, counted."""
    metrics.rate_limited.labels(policy.name).inc()
    return TooManyRequests(
        f"{policy.limit:,} requests in a window are spent; the next begins in {reset} s",
        policy=policy.name,
        retry_after=reset,
    )
