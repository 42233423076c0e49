"""The database session of a request: what an endpoint asks for says whether it may change anything."""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from foundation.engines.postgres import Postgres, Reading, Writing
from foundation.engines.redis import AsyncRedis, reachable
from foundation.errors import Unreachable
from foundation.http.idempotency import reserve
from foundation.http.identity import bearer_of

KEPT = (
    60  # seconds for which it is remembered how far a person has written; no replica should be further behind
)
ROOM = 100_000  # people


@dataclass(slots=True)
class Positions:
    """How far each person has written, so that a replica that is behind them is not asked: they read their own writes.

    While Redis is away, each process knows of its own alone, and of others' the leader is asked.
    """

    redis: AsyncRedis
    _own: OrderedDict[str, tuple[float, str]] = field(default_factory=OrderedDict)

    async def wrote(self, who: str, position: str) -> None:
        self._own[who] = (time.monotonic() + KEPT, position)
        self._own.move_to_end(who)
        if len(self._own) > ROOM:
            self._own.popitem(last=False)
        with suppress(Unreachable), reachable():  # what is committed stays so, whoever cannot be told
            await self.redis.set(f"{who}:wrote", position, ex=KEPT)

    async def of(self, who: str) -> str | None:
        """The position that must have been replayed. Raises Unreachable where nobody can say."""
        with reachable():
            shared = await self.redis.get(f"{who}:wrote")
        own = self._own.get(who)
        mine = own[1] if own is not None and own[0] > time.monotonic() else None
        told = [
            position
            for position in (mine, bytes(shared).decode() if isinstance(shared, bytes) else None)
            if position
        ]
        return max(told, key=_number) if told else None


async def reading(request: Request) -> AsyncIterator[Reading]:
    """A session that reads: of the replica where there is one, as far as the one who asks has written."""
    postgres: Postgres = request.app.state.postgres
    who = bearer_of(request.scope)
    if postgres.replica is None:
        async with postgres.reading() as db:
            yield db
        return
    try:
        position = await request.app.state.positions.of(who) if who is not None else None
    except Unreachable:
        async with postgres.reading() as db:
            yield db
        return
    async with postgres.reading_behind(position) as db:
        yield db


async def writing(request: Request) -> AsyncIterator[Writing]:
    """A session that writes, committed before the answer leaves. A repeated Idempotency-Key ends the request here.

    Who asks without a token may become somebody: the endpoint then names them as `request.state.writer`.
    """
    postgres: Postgres = request.app.state.postgres

    async def wrote(position: str) -> None:
        who = bearer_of(request.scope) or getattr(request.state, "writer", None)
        if who is not None:
            await request.app.state.positions.wrote(who, position)

    async with postgres.writing(wrote) as db:
        await reserve(request, db)
        yield db


def _number(position: str) -> int:
    """
    >>> _number("16/B374D848") > _number("16/A")
    True
    """
    high, _, low = position.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


Reads = Annotated[Reading, Depends(reading, scope="function")]
Writes = Annotated[Writing, Depends(writing, scope="function")]
