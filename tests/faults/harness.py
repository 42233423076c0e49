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

VICTIMS = ("api", "clickhouse", "shipper")


@dataclass(frozen=True, slots=True)
class Trial:
    """How many plays, how often each victim is killed meanwhile, and the chance that settles the rest."""

    plays: int
    kills: int
    seed: int
    victims: tuple[str, ...] = ("api", "clickhouse")


def run(home: Path, trial: Trial, say: Callable[[str], None]) -> Verdict:
    """Run the trial on a platform of its own under `home`."""
    rng = np.random.default_rng(trial.seed)
    with Platform(home).running() as platform:
        say(f"the platform runs at {platform.address}")
        songs, tokens = platform.furnish()
        plays = make_plays(rng, trial.plays, songs, tokens)
        killer = Killer(platform, plan(rng, trial.victims, trial.kills, trial.plays), say)
        traffic = Traffic(platform.address, plays, rng)
        asyncio.run(send_and_kill(traffic, killer))
        say(f"{len(traffic.acknowledged)} plays are acknowledged; waiting for the shipper")
        platform.wait_until_shipped()
        return count(platform.warehouse(), traffic, killed=killer.killed)


async def send_and_kill(traffic: Traffic, killer: Killer) -> None:
    """Both at once. Plays are sent until each is acknowledged; a kill falls due by their number."""
    killing = asyncio.create_task(killer.run(lambda: len(traffic.acknowledged)))
    await traffic.run()
    await killing
