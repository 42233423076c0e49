"""Kills parts of the platform with SIGKILL when a drawn number of plays has been acknowledged."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import psutil

from tests.faults.platform import Platform, kill
from tests.faults.traffic import Traffic

LONGEST_DELAY = 1.0  # seconds behind the play that makes a kill due: it falls anywhere in a segment's life


@dataclass(frozen=True, slots=True)
class Kill:
    """Whom to kill, how many plays must be acknowledged first, and how many seconds later.

    No play beyond `until` is sent before: so all the kills fall into the traffic, however long a victim takes to be
    up again.
    """

    after: int
    until: int
    delay: float
    victim: str
    lot: float  # settles which process of a victim that has several


def plan(rng: np.random.Generator, victims: Sequence[str], kills: int, plays: int) -> list[Kill]:
    """Each victim's kills, in an order drawn by chance, spread over the whole trial."""
    order = rng.permutation([victim for victim in victims for _ in range(kills)])
    window = plays / (len(order) + 1)
    return [
        Kill(
            after=int(window * (number + 0.9 * rng.random())),
            until=int(window * (number + 1)) + 1,
            delay=float(rng.random() * LONGEST_DELAY),
            victim=str(victim),
            lot=float(rng.random()),
        )
        for number, victim in enumerate(order)
    ]


class Killer:
    """Carries out a plan. A victim that is down when its turn comes is killed as soon as it is up again."""

    def __init__(self, platform: Platform, kills: Sequence[Kill], say: Callable[[str], None]) -> None:
        self.killed: Counter[str] = Counter()
        self._platform, self._kills, self._say = platform, kills, say

    async def run(self, traffic: Traffic) -> None:
        """Return when every kill has been made."""
        for number, due in enumerate(self._kills, start=1):
            traffic.allow(due.until)
            await until(lambda after=due.after: len(traffic.acknowledged) >= after)
            await asyncio.sleep(due.delay)
            who, pids = await self._up(due)
            kill(pids)
            self.killed[who] += 1
            self._say(f"{number}/{len(self._kills)} killed {who} after {len(traffic.acknowledged)} plays")
            await until(lambda gone=tuple(pids): not any(map(is_alive, gone)))
        traffic.allow(len(traffic.plays))

    async def _up(self, due: Kill) -> tuple[str, list[int]]:
        """Who exactly it hits, once the victim is up."""
        while (chosen := self._chosen(due)) is None:  # noqa: ASYNC110 - see until
            await asyncio.sleep(0.02)
        return chosen

    def _chosen(self, due: Kill) -> tuple[str, list[int]] | None:
        """Who exactly it hits, and their processes; None while the victim is down."""
        platform = self._platform
        if due.victim == "everything":  # at one stroke, as when a machine runs out of memory
            pids = platform.processes_of("supervisor")
            return (due.victim, pids) if platform.pid_of("api") else None
        if due.victim == "api":
            pids = platform.processes_of("api")
            if not pids:
                return None
            which = int(due.lot * len(pids))
            return "api parent" if which == 0 else "api worker", [pids[which]]
        pid = platform.pid_of(due.victim)
        return (due.victim, [pid]) if pid else None


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def until(happens: Callable[[], bool]) -> None:
    """Return when it happens: what is watched is other processes' doing, so it is looked at again and again."""
    while not happens():  # noqa: ASYNC110 - no event of this process tells of it
        await asyncio.sleep(0.01)
