"""One trial: start everything, send plays while parts are killed, wait until all is shipped, and count."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.faults.count import Verdict, count
from tests.faults.killer import Killer, plan
from tests.faults.platform import Platform
from tests.faults.traffic import Traffic, make_plays

DEFAULT_VICTIMS = ("supervisor", "api", "shipper", "clickhouse")
MAKING_UP = 4  # times the pace, by clients that had to wait
VICTIMS = (*DEFAULT_VICTIMS, "redis", "postgres", "everything")


@dataclass(frozen=True, slots=True)
class Trial:
    """How many plays, how often each victim is killed meanwhile, and the chance that settles the rest.

    With a pace, so many plays a second fall due whatever is down, and what was late is made up for. Without one they wait
    for the kills, with about a second of traffic between two.
    """

    plays: int
    kills: int
    seed: int
    victims: tuple[str, ...] = DEFAULT_VICTIMS
    pace: float | None = None

    @property
    def fastest(self) -> float:
        """Plays a second that clients send at most."""
        between_kills = self.plays / (self.kills * len(self.victims) + 1)
        return between_kills if self.pace is None else MAKING_UP * self.pace


def run(home: Path, trial: Trial, say: Callable[[str], None]) -> Verdict:
    """Run the trial on a platform of its own under `home`."""
    rng = np.random.default_rng(trial.seed)
    with Platform(home).running() as platform:
        say(f"the platform runs at {platform.address}")
        songs, tokens = platform.furnish()
        plays = make_plays(rng, trial.plays, songs, tokens)
        killer = Killer(platform, plan(rng, trial.victims, trial.kills, trial.plays), say)
        traffic = Traffic(platform.address, plays, rng, trial.fastest)
        asyncio.run(send_and_kill(traffic, killer, trial.pace))
        say(f"{len(traffic.acknowledged)} plays are acknowledged; waiting for the shipper")
        platform.wait_until_up()
        platform.wait_until_shipped()
        return count(
            platform.warehouse(),
            platform.settings.engines.postgres,
            platform.redis(),
            traffic,
            killed=killer.killed,
            starts=platform.starts,
        )


async def send_and_kill(traffic: Traffic, killer: Killer, pace: float | None) -> None:
    """Both at once. Plays are sent until each is acknowledged; a kill falls due by their number."""
    if pace is not None:
        traffic.keep(pace)
    async with asyncio.TaskGroup() as both:  # what fails in one ends the other
        both.create_task(traffic.run())
        both.create_task(killer.run(traffic))
