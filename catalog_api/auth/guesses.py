"""Counts wrong passwords by account and by address over all processes, so that guessing gets nowhere.

A try is counted before the password is checked, and given back when it was right or could not be checked: of many at once
none slips through. While Redis is away each process counts alone.
"""

import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from catalog_api.auth.errors import SigningInBusy, TooManyFailures
from foundation.clock import Clock
from foundation.engines.redis import AsyncRedis, reachable
from foundation.errors import Unreachable

log = logging.getLogger(__name__)

ROOM = 100_000  # subjects that one process remembers
AWAY = timedelta(seconds=1)  # for which a Redis that did not answer is not asked again

# KEYS[1] the subject. ARGV: failures in a window, its milliseconds. Gives the milliseconds to wait, 0 where one may try.
TAKE = """
local tried = redis.call('INCR', KEYS[1])
if tried == 1 or redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if tried <= tonumber(ARGV[1]) then return 0 end
return math.max(1, redis.call('PTTL', KEYS[1]))
"""
GIVE_BACK = """
local tried = tonumber(redis.call('GET', KEYS[1]) or '0')
if tried > 0 then redis.call('DECR', KEYS[1]) end
return 0
"""


@dataclass(slots=True)
class Guesses:
    """The tries of one process, and the way to what all share."""

    redis: AsyncRedis
    now: Clock
    failures: int
    window: timedelta
    room: int = ROOM
    _alone: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    _away_until: datetime | None = None
    _scripts: dict[str, Any] = field(default_factory=dict)

    @asynccontextmanager
    async def trying(self, email: str, address: str) -> AsyncIterator[None]:
        """A try, which counts where the block ends with a refusal; one that finds nobody who checks it is none.

        Raises TooManyFailures where the account or the address has had its share.
        """
        await self.take(email, address)
        try:
            yield
        except (SigningInBusy, Unreachable):
            await self.give_back(email, address)
            raise
        await self.was_right(email, address)

    async def take(self, email: str, address: str) -> None:
        """Count a try. Raises TooManyFailures where the account or the address has had its share."""
        # First the address: one that is refused does not lock an account as well.
        for subject in (_of_address(address), _of_account(email)):
            wait = await self._taken(subject)
            if wait > timedelta(0):
                seconds = ceil(wait.total_seconds())
                raise TooManyFailures(
                    f"more than {self.failures} wrong passwords: wait for {seconds} s", retry_after=seconds
                )

    async def was_right(self, email: str, address: str) -> None:
        """The password was right: the account begins anew, and the address gets this try back."""
        account = _of_account(email)
        await self._given_back(_of_address(address))
        self._alone.pop(account, None)
        await self._ask("return redis.call('DEL', KEYS[1])", account)

    async def give_back(self, email: str, address: str) -> None:
        """The try was none: nobody looked at the password."""
        for subject in (_of_address(address), _of_account(email)):
            await self._given_back(subject)

    async def _given_back(self, subject: str) -> None:
        if subject in self._alone:
            tried, until = self._alone[subject]
            self._alone[subject] = (max(0, tried - 1), until)
        await self._ask(GIVE_BACK, subject)

    async def _taken(self, subject: str) -> timedelta:
        waited = await self._ask(TAKE, subject, self.failures, self.window // timedelta(milliseconds=1))
        if waited is not None:
            return timedelta(milliseconds=int(waited))
        now = self.now()
        tried, until = self._alone.pop(subject, (0, now))
        if until <= now:
            tried, until = 0, now + self.window
        self._alone[subject] = (tried + 1, until)
        if len(self._alone) > self.room:
            del self._alone[next(iter(self._alone))]
        return until - now if tried >= self.failures else timedelta(0)

    async def _ask(self, script: str, subject: str, *arguments: int) -> Any:
        """What a script answers; None while Redis is away."""
        now = self.now()
        if self._away_until is not None and now < self._away_until:
            return None
        try:
            with reachable():
                if script not in self._scripts:
                    self._scripts[script] = self.redis.register_script(script)
                return await self._scripts[script](keys=[subject], args=list(arguments))
        except Unreachable as away:
            log.warning("wrong passwords are counted in this process alone: %s", away)
            self._away_until = now + AWAY
            return None


def _of_account(email: str) -> str:
    """Digests: who reads Redis learns no addresses."""
    return f"failures:account:{hashlib.sha256(email.encode()).hexdigest()[:32]}"


def _of_address(address: str) -> str:
    return f"failures:address:{address}"
