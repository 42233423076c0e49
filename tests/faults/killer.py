"""Kills parts of the platform with SIGKILL when a drawn number of plays has been acknowledged."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.faults.platform import Platform

LONGEST_DELAY = 0.3  # seconds behind the play that makes a kill due: it falls anywhere in a segment's life


@dataclass(frozen=True, slots=True, order=True)
class Kill:
    """Whom to kill, how many plays must be acknowledged first, and how many seconds later."""

    after: int
    delay: float
    victim: str


def plan(rng: np.random.Generator, victims: Sequence[str], kills: int, plays: int) -> list[Kill]:
    """Each victim's kills, spread by chance over the whole trial."""
    return sorted(
        Kill(int(rng.integers(plays)), float(rng.random() * LONGEST_DELAY), victim)
        for victim in victims
        for _ in range(kills)
    )


class Killer:
    """Carries out a plan. A victim that is down when its turn comes is killed as soon as it is up again."""

    def __init__(self, platform: Platform, kills: Sequence[Kill], say: Callable[[str], None]) -> None:
        self.killed: Counter[str] = Counter()
        self._platform, self._kills, self._say = platform, kills, say

    async def run(self, acknowledged: Callable[[], int]) -> None:
        """Return when every kill has been made; kills of different victims do not wait for each other."""
        victims = {kill.victim for kill in self._kills}
        await asyncio.gather(*(self._kill_all(victim, acknowledged) for victim in sorted(victims)))

    async def _kill_all(self, victim: str, acknowledged: Callable[[], int]) -> None:
        for kill in self._kills:
            if kill.victim == victim:
                await until(lambda due=kill.after: acknowledged() >= due)
                await asyncio.sleep(kill.delay)
                await until(lambda: self._platform.pid_of(victim) is not None)
                pid = self._platform.pid_of(victim)
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
                    self.killed[victim] += 1
                    self._say(f"killed {victim} ({self.killed[victim]}) after {acknowledged()} plays")
                    await until(lambda gone=pid: self._platform.pid_of(victim) != gone)


async def until(happens: Callable[[], bool]) -> None:
    """Return when it happens: what is watched is in files of other processes, so it is looked at again and again."""
    while not happens():  # noqa: ASYNC110 - no event of this process tells of it
        await asyncio.sleep(0.01)
