"""One store stands still for a while under steady load and is then killed: what is answered meanwhile, and how fast it catches up."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from event_log.reading import closed, pending
from event_log.segments import OPEN, PREAMBLE
from foundation.settings import Settings
from tests.faults.count import Verdict, count
from tests.faults.killer import until
from tests.faults.platform import Platform, kill
from tests.faults.traffic import Traffic, make_plays

STOPPABLE = ("clickhouse", "redis", "postgres")
AROUND = 4.0  # seconds of load before it stops, and after it is killed
LOOK = 0.1  # seconds between two questions
TRENDING = "/api/v1/songs/trending?window=day"
ARRIVED = "SELECT count() FROM playback_events"


@dataclass(frozen=True, slots=True)
class Stop:
    """Which store stands still for how long, how many plays a second come in, and the chance that settles the rest."""

    part: str
    seconds: float
    pace: float
    seed: int

    @property
    def plays(self) -> int:
        return int(self.pace * (self.seconds + 2 * AROUND))


@dataclass(slots=True)
class Seen:
    """What was answered, and when (seconds of time.monotonic)."""

    stopped_at: float = 0.0
    killed_at: float = 0.0
    trending: list[tuple[float, int, bool, float]] = field(
        default_factory=list
    )  # when, status, whether it says that it is stale, seconds
    back_at: float = 0.0  # ClickHouse answers again
    had: int = 0  # events that it counted then
    caught_up_at: float = 0.0  # it has every segment that there was then


@dataclass(frozen=True, slots=True)
class Report:
    """The counts of one trial."""

    stop: Stop
    acknowledged_meanwhile: int
    refused_meanwhile: int
    slowest_ms: float  # of the acknowledgements meanwhile, 99 of 100 were faster
    trending_meanwhile: Counter[int]  # by status
    stale_meanwhile: int
    trending_slowest_ms: float
    away: float  # seconds from the kill until ClickHouse answers again
    waiting: int  # events that it lacked then
    caught_up_in: float  # seconds from then until it had these
    verdict: Verdict

    @property
    def is_kept(self) -> bool:
        """Whether everything was answered meanwhile, and nothing was lost or counted twice."""
        return (
            self.verdict.is_exact
            and self.refused_meanwhile == 0
            and self.acknowledged_meanwhile > 0
            and set(self.trending_meanwhile) == {200}
        )

    def table(self) -> str:
        statuses = ", ".join(
            f"{status}: {number}" for status, number in sorted(self.trending_meanwhile.items())
        )
        rate = self.waiting / self.caught_up_in if self.caught_up_in else 0.0
        catch_up = f"{self.waiting} events in {self.caught_up_in:.1f} s ({rate:,.0f} a second)"
        meanwhile = (
            f"{self.acknowledged_meanwhile} plays acknowledged, {self.refused_meanwhile} requests refused"
        )
        told = {
            "stopped": f"{self.stop.part} for {self.stop.seconds:.0f} s, then killed, at {self.stop.pace:,.0f} plays a second",
            "meanwhile": f"{meanwhile}; p99 {self.slowest_ms:.0f} ms",
            "trending": f"{statuses} ({self.stale_meanwhile} marked stale); slowest {self.trending_slowest_ms:.0f} ms",
            "catch-up": f"{catch_up}, {self.away:.1f} s after the kill",
        }
        return "\n".join([*(f"{word:<12} {what}" for word, what in told.items()), self.verdict.table()])


def run(home: Path, stop: Stop, say: Callable[[str], None]) -> Report:
    """Run the trial on a platform of its own under `home`."""
    rng = np.random.default_rng(stop.seed)
    with Platform(home).running() as platform:
        say(f"the platform runs at {platform.address}")
        songs, tokens = platform.furnish()
        platform.wait_until_charted()
        traffic = Traffic(platform.address, make_plays(rng, stop.plays, songs, tokens), rng, stop.pace)
        seen = Seen()
        asyncio.run(_send_and_stop(platform, traffic, stop, seen, say))
        platform.wait_until_up()
        platform.wait_until_shipped()
        verdict = count(
            platform.warehouse(),
            platform.settings.engines.postgres,
            platform.redis(),
            traffic,
            killed=Counter({stop.part: 1}),
            starts=platform.starts,
        )
        return _report(stop, traffic, seen, verdict)


async def _send_and_stop(
    platform: Platform, traffic: Traffic, stop: Stop, seen: Seen, say: Callable[[str], None]
) -> None:
    """Load, questions and the stop side by side; returns when all is acknowledged and the log is empty."""
    done = asyncio.Event()
    async with asyncio.TaskGroup() as all_of_it:
        traffic.keep(stop.pace)
        sending = all_of_it.create_task(traffic.run())
        asking = all_of_it.create_task(_ask(platform, seen, done))
        await _stop(platform, stop, seen, say)
        watching = all_of_it.create_task(_watch(platform, seen, done))
        await sending
        say(f"{len(traffic.acknowledged)} plays are acknowledged; waiting for the shipper")
        folder = Settings(SEGUE_HOME=platform.home).log_dir
        await until(lambda: not pending(folder))
        await asyncio.sleep(2 * LOOK)
        done.set()
        await asyncio.gather(asking, watching)


async def _stop(platform: Platform, stop: Stop, seen: Seen, say: Callable[[str], None]) -> None:
    """Let its processes stand still, as on a machine that hangs, and at the end be gone."""
    await asyncio.sleep(AROUND)
    pids = platform.processes_of(stop.part)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    seen.stopped_at = time.monotonic()
    say(f"{stop.part} stands still")
    await asyncio.sleep(stop.seconds)
    seen.killed_at = time.monotonic()
    kill(pids)
    say(f"{stop.part} is killed")


async def _ask(platform: Platform, seen: Seen, done: asyncio.Event) -> None:
    async with httpx.AsyncClient(base_url=platform.address, timeout=30) as client:
        while not done.is_set():
            began = time.monotonic()
            answer = await client.get(TRENDING)
            stale = answer.is_success and bool(answer.json()["stale"])
            seen.trending.append((began, answer.status_code, stale, time.monotonic() - began))
            await asyncio.sleep(LOOK)


async def _watch(platform: Platform, seen: Seen, done: asyncio.Event) -> None:
    """When ClickHouse answers again, and when the shipper has given it what it lacked, which asks nothing of ClickHouse itself."""
    url = httpx.URL(platform.settings.engines.clickhouse_reader)
    database = {"database": url.path.strip("/")}
    async with httpx.AsyncClient(timeout=10) as client:
        while not seen.back_at:
            with suppress(httpx.TransportError):
                answer = await client.post(url.copy_with(path="/"), params=database, content=ARRIVED)
                if answer.is_success:
                    seen.back_at, seen.had = time.monotonic(), int(answer.text)
            await asyncio.sleep(LOOK / 5)
    folder = Settings(SEGUE_HOME=platform.home).log_dir
    lacked = _lacked(folder)
    while lacked & _lacked(folder) and not done.is_set():  # noqa: ASYNC110 - as `until`, more seldom: it reads a file
        await asyncio.sleep(LOOK / 2)
    seen.caught_up_at = time.monotonic()


def _lacked(folder: Path) -> set[str]:
    """The segments that the sink of ClickHouse has not passed, those among them to which something was written and that are open."""
    told = [line.split(" ") for line in (folder / "clickhouse.cursor").read_text().splitlines()]
    passed = {name for word, *names in told if word == "passed" for name in names[0].split(",")}
    names = set()
    for path in folder.glob(f"*{OPEN}"):
        with suppress(FileNotFoundError):  # closed meanwhile
            names |= {path.stem} if path.stat().st_size > len(PREAMBLE) else set()
    return (names | closed(folder).keys()) - passed


def _report(stop: Stop, traffic: Traffic, seen: Seen, verdict: Verdict) -> Report:
    told = [answer for answer in traffic.answers if seen.stopped_at <= answer.at < seen.killed_at]
    asked = [each for each in seen.trending if seen.stopped_at <= each[0] < seen.killed_at]
    # What was told before it came back, with the rows of every event of a play.
    due = sum(
        answer.events
        for answer in traffic.answers
        if answer.is_first and answer.at + answer.seconds <= seen.back_at
    )
    taken = [answer for answer in told if answer.is_taken]
    return Report(
        stop,
        acknowledged_meanwhile=sum(answer.plays for answer in taken if answer.is_first),
        refused_meanwhile=len(told) - len(taken),
        slowest_ms=1000 * float(np.percentile([answer.seconds for answer in taken], 99)),
        trending_meanwhile=Counter(status for _, status, _, _ in asked),
        stale_meanwhile=sum(stale for _, _, stale, _ in asked),
        trending_slowest_ms=1000 * max(seconds for _, _, _, seconds in asked),
        away=seen.back_at - seen.killed_at,
        waiting=due - seen.had,
        caught_up_in=seen.caught_up_at - seen.back_at,
        verdict=verdict,
    )
