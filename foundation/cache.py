"""Encoded answers kept in two tiers before Postgres: the process's memory, then Redis; a write drops them everywhere.

A miss is computed once: in a process all who wait share it, and among processes whoever holds the key's lease in Redis
computes while the others wait a little for what it finds. A write takes the lease away, so that an answer computed from
rows of before the write is never kept (the leases of Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013).

Dropping travels with the transaction that writes (NOTIFY): it is told when, and only if, that commits, whichever process
it was. While a process cannot hear it, its memory keeps answers for a second at most.
"""

import asyncio
import hashlib
import logging
import random
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from foundation import metrics
from foundation.engines.postgres import Writing
from foundation.engines.postgres_channels import notify
from foundation.engines.redis import AsyncRedis, reachable
from foundation.errors import Unreachable

log = logging.getLogger(__name__)

CHANNEL = "cache"  # of Postgres: messages are keys
IN_MEMORY = 60.0  # seconds at most; a safety net, since writes drop what they change
UNHEARD = 1.0  # seconds in memory while nobody tells us of writes
ABSENT = 5.0  # seconds for which what is not there is known not to be
LEASE = 3_000  # milliseconds that whoever computes has for it
PATIENCE = (0.005, 0.01, 0.02, 0.04, 0.08)  # seconds between looks while another process computes
AWAY = 1.0  # seconds for which a Redis that did not answer is not asked again
BIGGEST = 1024 * 1024  # bytes of an answer that is kept

# KEYS: the key, its lease. ARGV: our name, milliseconds of the lease. Gives what is kept; or 1 where the lease is ours now.
ASK = """
local kept = redis.call('GET', KEYS[1])
if kept then return kept end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""
# KEYS as above. ARGV: our name, the answer, milliseconds to keep it. Only who still holds the lease may fill.
FILL = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of answer: its name in the metrics, its key with {} for the id, and how long Redis keeps it."""

    name: str
    template: str
    kept: timedelta

    def key(self, *of: object) -> str:
        """
        >>> Kind("song", "song:{}:metadata", timedelta(hours=1)).key(7)
        'song:7:metadata'
        """
        return self.template.format(*of)


class Encoded:
    """An answer as bytes, with the headers that go with it and the entity tag that names exactly these bytes."""

    __slots__ = ("body", "head", "tag", "unchanged")

    def __init__(
        self, body: bytes, media_type: bytes = b"application/json", control: bytes = b"no-cache"
    ) -> None:
        self.body = body
        self.tag = b'"%s"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()
        # Lines of headers: of the answer, and of one that says that the client holds it already.
        self.unchanged = b"etag: %s\r\ncache-control: %s\r\n" % (self.tag, control)
        self.head = b"content-type: %s\r\ncontent-length: %d\r\n" % (media_type, len(body)) + self.unchanged


Make = Callable[[], Awaitable[bytes | None]]
"""Computes an answer from Postgres's leader; None where there is nothing of this id."""


@dataclass(slots=True)
class Cache:
    """The memory of one process, and the way to what all share."""

    redis: AsyncRedis
    seconds: Callable[[], float] = time.monotonic
    room: int = 50_000  # answers in memory; the one not asked for longest goes first
    bytes_room: int = 128 * 1024 * 1024  # of their bodies together
    is_hearing: bool = False
    _memory: OrderedDict[str, tuple[float, Encoded | None]] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _making: dict[str, "asyncio.Task[Encoded | None]"] = field(
        default_factory=dict
    )  # unless a write overtook it
    _overtaken: set["asyncio.Task[Encoded | None]"] = field(default_factory=set)
    _away_until: float = 0.0
    _undropped: set[str] = field(default_factory=set)  # keys that Redis has yet to be told of
    _dropping: set[asyncio.Task[None]] = field(default_factory=set)
    _scripts: dict[str, Any] = field(default_factory=dict)
    _answered: Counter[str] = field(default_factory=Counter)  # by memory, of each kind, since `tell`

    def held(self, key: str) -> Encoded | None:
        """What memory holds of this key, without waiting; None where it holds nothing, or knows that nothing is there."""
        found = self._memory.get(key)
        if found is None or found[0] < self.seconds():
            return None
        self._memory.move_to_end(key)
        return found[1]

    def count(self, kind: Kind) -> None:
        """Note that memory answered a request."""
        self._answered[kind.name] += 1

    def tell(self) -> None:
        """Add what memory answered to the metrics: their own counters cost as much as half of such an answer."""
        for name, number in self._answered.items():
            metrics.cache_lookups.labels(name, "memory").inc(number)
        self._answered.clear()

    async def of(self, kind: Kind, key: str, make: Make) -> Encoded | None:
        """The answer of this key, from the nearest tier that has it, else made; None where there is none.

        Raises what `make` raises, as Unreachable while Postgres is away.
        """
        found = self._memory.get(key)
        if found is not None and found[0] >= self.seconds():
            self.count(kind)
            self._memory.move_to_end(key)
            return found[1]
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._found(kind, key, make))
            making.add_done_callback(partial(self._made, key))
        return await asyncio.shield(making)  # one who is cancelled takes the answer from nobody else

    async def change(self, db: Writing, *keys: str) -> None:
        """Drop these keys everywhere when this transaction commits; in this process before it is answered."""
        await notify(db, CHANNEL, keys)
        db.after_commit(partial(self.drop, keys))

    async def drop(self, keys: Iterable[str]) -> None:
        """Forget these keys here and in Redis. While Redis is away, they are dropped there when it is back."""
        keys = list(keys)
        self.forget(keys)
        self._undropped.update(keys)
        await self._drop_in_redis()

    def hear(self, message: str) -> None:
        """Take a message of the channel: what some process has changed."""
        dropping = asyncio.ensure_future(self.drop(message.split()))
        self._dropping.add(dropping)
        dropping.add_done_callback(self._dropping.discard)

    def forget(self, keys: Iterable[str]) -> None:
        """Forget these keys in this process; what is being computed of them is given to who waits, and not kept."""
        for key in keys:
            self._take_out(key)
            if (making := self._making.pop(key, None)) is not None:
                self._overtaken.add(making)

    def begin_hearing(self) -> None:
        """From now on we are told of every write; what changed meanwhile we were not."""
        self.clear()
        self.is_hearing = True

    def end_hearing(self) -> None:
        self.clear()
        self.is_hearing = False

    def clear(self) -> None:
        """Forget all that is in memory."""
        self.forget([*self._memory, *self._making])

    async def close(self) -> None:
        """Wait for nobody any more."""
        waiting = [*self._dropping, *self._making.values(), *self._overtaken]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _made(self, key: str, task: "asyncio.Task[Encoded | None]") -> None:
        self._overtaken.discard(task)
        if self._making.get(key) is task:
            del self._making[key]
        if not task.cancelled():
            task.exception()  # whoever waited has it; where nobody did, it concerns nobody

    async def _found(self, kind: Kind, key: str, make: Make) -> Encoded | None:
        mine = secrets.token_hex(8)
        body, is_leased = await self._shared(key, mine)
        if body is not None:
            metrics.cache_lookups.labels(kind.name, "redis").inc()
        else:
            metrics.cache_lookups.labels(kind.name, "miss").inc()
            body = await make()
            if is_leased and body is not None and len(body) <= BIGGEST:
                await self._fill(kind, key, mine, body)
        found = None if body is None else Encoded(body)
        if self._making.get(key) is asyncio.current_task():
            self._keep(kind, key, found)
        return found

    async def _shared(self, key: str, mine: str) -> tuple[bytes | None, bool]:
        """What Redis keeps, or whether the lease is ours; neither where another process took too long over it."""
        for pause in (*PATIENCE, None):
            answer = await self._ask(ASK, key, mine, LEASE)
            if isinstance(answer, bytes):
                return answer, False
            if answer is None or answer == 1 or pause is None:
                return None, answer == 1
            await asyncio.sleep(pause)
        return None, False

    async def _fill(self, kind: Kind, key: str, mine: str, body: bytes) -> None:
        # Not all at one moment: what was filled together would otherwise expire together.
        kept = kind.kept.total_seconds() * random.uniform(0.9, 1.0)
        await self._ask(FILL, key, mine, body, int(1000 * kept))

    async def _ask(self, script: str, key: str, *arguments: Any) -> Any:
        """What a script answers; None while Redis is away."""
        if self.seconds() < self._away_until:
            return None
        try:
            if self._undropped:
                await self._drop_in_redis()
            with reachable():
                if script not in self._scripts:
                    self._scripts[script] = self.redis.register_script(script)
                return await self._scripts[script](keys=[key, _lease_of(key)], args=list(arguments))
        except Unreachable as away:
            log.warning("the shared cache is left out: %s", away)
            self._away_until = self.seconds() + AWAY
            return None

    async def _drop_in_redis(self) -> None:
        keys = list(self._undropped)
        if not keys:
            return
        try:
            with reachable():
                pipeline = self.redis.pipeline(transaction=False)
                for key in keys:
                    pipeline.unlink(key)
                    pipeline.unlink(_lease_of(key))
                await pipeline.execute()
        except Unreachable as away:
            log.warning("the shared cache will be told later: %s", away)
            self._away_until = self.seconds() + AWAY
            return
        self._undropped.difference_update(keys)

    def _keep(self, kind: Kind, key: str, found: Encoded | None) -> None:
        if found is not None and len(found.body) > BIGGEST:
            return
        longest = IN_MEMORY if self.is_hearing else UNHEARD
        kept = min(ABSENT if found is None else longest, longest, kind.kept.total_seconds())
        self._take_out(key)
        self._memory[key] = (self.seconds() + kept, found)
        self._bytes += 0 if found is None else len(found.body)
        while len(self._memory) > self.room or self._bytes > self.bytes_room:
            self._take_out(next(iter(self._memory)))

    def _take_out(self, key: str) -> None:
        kept = self._memory.pop(key, None)
        if kept is not None and kept[1] is not None:
            self._bytes -= len(kept[1].body)


def _lease_of(key: str) -> str:
    """Beside the key, on the same node of a cluster."""
    return f"{{{key}}}:lease"
