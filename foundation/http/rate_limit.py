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
from typing import NamedTuple

from foundation import metrics
from foundation.engines.redis import AsyncRedis, reachable
from foundation.errors import Problem, Unreachable

log = logging.getLogger(__name__)

PIECES = 10  # a lease is this part of a window's tokens
ROOM = 100_000  # leases kept at once; the oldest goes first, and costs its owner a round trip
SLACK = 5  # seconds for which a window is kept beyond its own length: workers' clocks differ a little
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

    def state(self, spent: "Spent") -> bytes:
        """The field RateLimit: how many requests are left, and the seconds until the next window.

        >>> Policy("free", 100, 60).state(Spent(True, 50, 30))
        b'"free";r=50;t=30'
        """
        return b'"%s";r=%d;t=%d' % (self.name.encode(), spent.left, spent.reset)


class Spent(NamedTuple):
    """Whether there was a token, about how many are left, and the seconds until the next window."""

    is_granted: bool
    left: int
    reset: int


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
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._away_until = 0.0

    def spend(self, policy: Policy, who: str) -> Spent | None:
        """Spend a token that this worker holds; None where Redis must be asked first. Nothing is waited for."""
        now = self._seconds()
        window = int(now // policy.window)
        lease = self._leases.get(f"{policy.name}:{who}")
        if lease is None or lease.window != window or (lease.may_grow and not lease.left):
            return None
        reset = ceil((window + 1) * policy.window - now)
        if not lease.left:
            return Spent(is_granted=False, left=0, reset=reset)
        lease.left -= 1
        return Spent(is_granted=True, left=lease.left + lease.others, reset=reset)

    async def take(self, policy: Policy, who: str) -> Spent:
        """Spend a token, wherever it comes from."""
        while (spent := self.spend(policy, who)) is None:
            await self._leased(f"{policy.name}:{who}", policy)
        return spent

    async def _leased(self, key: str, policy: Policy) -> None:
        """A new lease, asked for once however many requests wait for it."""
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.create_task(self._ask(key, policy))
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        await asyncio.shield(asking)  # one who is cancelled takes the lease from nobody else

    async def _ask(self, key: str, policy: Policy) -> None:
        window = int(self._seconds() // policy.window)
        wanted = max(1, policy.limit // PIECES)
        before = self._leases.pop(key, None)
        if before is not None and before.window == window:
            wanted = max(1, min(wanted, before.others // self._workers))
        lease = await self._shared(key, policy, window, wanted) or self._local(policy, window)
        self._leases[key] = lease
        if len(self._leases) > self._room:
            del self._leases[next(iter(self._leases))]

    async def _shared(self, key: str, policy: Policy, window: int, wanted: int) -> Lease | None:
        if self._seconds() < self._away_until:
            return None
        try:
            with reachable():
                granted, others = await self._script(
                    keys=[f"limit:{key}:{window}"],
                    args=[wanted, policy.limit, 1000 * (policy.window + SLACK)],
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


def too_many(policy: Policy, spent: Spent) -> TooManyRequests:
    """The refusal, counted."""
    metrics.rate_limited.labels(policy.name).inc()
    return TooManyRequests(
        f"{policy.limit:,} requests in a window are spent; the next begins in {spent.reset} s",
        policy=policy.name,
        retry_after=spent.reset,
    )
