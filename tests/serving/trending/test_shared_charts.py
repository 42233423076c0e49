"""The processes of a host ask the warehouse once for all of them, and the charts of each equal a recount, whoever dies."""

import asyncio
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foundation.clock import utc_now
from foundation.engines.clickhouse import open_clickhouse_reader_async
from serving.trending import looking
from serving.trending.answers import told
from serving.trending.charts import Charts
from serving.trending.counting import FRESH, POSITION, AsyncRaw
from serving.trending.schemas import Asked
from serving.trending.sharing import Sharing
from serving.trending.units import name_of
from tests.serving.trending.chart_world import ChartWorld, asked_for, differences, happens, lists_of, tell

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

MINUTE = timedelta(minutes=1)
DAY = Asked(window="day")
SONGS = name_of(DAY)


class Asking:
    """A client that knows how often it was asked what."""

    def __init__(self, client: AsyncRaw, asked: Counter[str]) -> None:
        self._client, self._asked = client, asked

    async def raw_query(
        self, query: str, parameters: dict[str, Any] | None = None, *, fmt: str | None = None
    ) -> bytes:
        kind = {FRESH: "look", POSITION: "position"}.get(
            query, "list" if "groupArraySorted" in query else "other"
        )
        self._asked[kind] += 1
        return await self._client.raw_query(query, parameters, fmt=fmt)

    async def close(self) -> None:
        await self._client.close()


@asynccontextmanager
async def processes(
    world: ChartWorld, folder: Path, number: int = 2
) -> AsyncIterator[list[tuple[Charts, Counter[str]]]]:
    """Charts of the day alone, as so many processes of one host have them, and what each has asked."""
    made = []
    for _ in range(number):
        asked: Counter[str] = Counter()

        async def connect(asked: Counter[str] = asked) -> AsyncRaw:
            return Asking(await open_clickhouse_reader_async(world.reader), asked)

        charts = Charts(connect, utc_now, sharing=Sharing(folder, world.reader))
        charts.units = {
            name: unit for name, unit in charts.units.items() if unit.moves and unit.window == "day"
        }
        made.append((charts, asked))
    yield made
    for charts, _ in made:
        await charts.close()


@asynccontextmanager
async def followed(*all_charts: Charts) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(charts.follow()) for charts in all_charts]
    yield
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def stopped(folder: Path) -> AsyncIterator[None]:
    """A process stopped while it looked, and tells nothing."""
    with ExitStack() as held:
        await happens(lambda: held.enter_context(Sharing(folder).alone("looking")))
        yield


@contextmanager
def written(world: ChartWorld, seed: int) -> Iterator[None]:
    """Listens come and go meanwhile."""
    rng, ends = np.random.default_rng(seed), threading.Event()

    def write() -> None:
        while not ends.is_set():
            world.remove(tell(world, rng, 100)[::9])

    thread = threading.Thread(target=write)
    thread.start()
    yield
    ends.set()
    thread.join()


def forget_looks(folder: Path) -> None:
    for path in folder.glob("look-*"):
        path.unlink()


def are_counted(*all_charts: Charts) -> bool:
    return all(
        unit.until and not unit.is_behind
        for charts in all_charts
        for unit in charts.units.values()
        if unit.moves
    )


async def begun(world: ChartWorld, *all_charts: Charts) -> None:
    """One listen, counted by the first and taken over by the others."""
    first, *others = all_charts
    world.release(3)
    world.listen([utc_now() - MINUTE], [1])
    assert await first.look()
    assert await first.count(first.units[SONGS])
    for other in others:
        await other.looks._follow()
        assert await other.adopt(other.units[SONGS])


async def test_what_two_processes_ask_is_what_one_asks(world: ChartWorld, tmp_path: Path) -> None:
    world.release(40)
    world.publish(1, 2)
    async with processes(world, tmp_path) as [(one, asked), (other, also_asked)]:
        async with followed(one, other):
            await happens(lambda: are_counted(one, other))
            before, began = asked + also_asked, time.monotonic()
            with written(world, 1):
                await asyncio.sleep(3)
            looks = (asked + also_asked)["look"] - before["look"]
            took = time.monotonic() - began

        both = asked + also_asked
        assert looks <= 1.2 * took / looking.LOOK + 1
        assert both["list"] == sum(
            len(unit.boards) for unit in one.units.values() if unit.growth or not unit.compares
        )
        for charts in (one, other):
            await charts.look()
            await asked_for(charts, ["day"])
        assert told(one, DAY, 1).listens > 0
        assert differences(world, one, ["day"]) == []
        assert lists_of(other, ["day"]) == lists_of(one, ["day"])


async def test_who_dies_or_stops_holds_nobody_up(
    world: ChartWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "PATIENCE", 0.5)
    world.release(40)
    world.publish(1, 2)
    words = ["-m", "tests.serving.trending.shared_process", str(tmp_path), world.reader]
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline()
    async with processes(world, tmp_path, 1) as [(charts, _)]:
        async with followed(charts):
            with written(world, 2):
                await happens(lambda: are_counted(charts))
                await asyncio.sleep(1)
                process.kill()
            async with stopped(tmp_path):
                listens = told(charts, DAY, 1).listens
                world.listen([utc_now()], [1])
                await happens(lambda: told(charts, DAY, 1).listens > listens)
        await process.wait()

        await charts.look()
        await asked_for(charts, ["day"])
        assert differences(world, charts, ["day"]) == []


async def test_who_was_away_asks_for_what_nobody_keeps(world: ChartWorld, tmp_path: Path) -> None:
    async with processes(world, tmp_path) as [(one, asked), (other, also_asked)]:
        await begun(world, one, other)
        for _ in range(3):
            world.listen([utc_now()] * 2, [1, 2])
            await one.look()
        forget_looks(tmp_path)

        await other.looks._follow()
        late = told(other, DAY, 3)
        world.listen([utc_now()], [3])
        await one.look()
        await other.looks._follow()

        assert (asked["look"], also_asked["look"]) == (4, 1)
        assert other.looks.position == one.looks.position
        assert (late.listens, told(other, DAY, 3).listens) == (7, 8)
        assert told(one, DAY, 3).items == told(other, DAY, 3).items


async def test_lists_counted_by_one_are_taken_over_by_the_other_where_it_stands(
    world: ChartWorld, tmp_path: Path
) -> None:
    world.release(3)
    world.listen([utc_now() - MINUTE], [1])
    async with processes(world, tmp_path) as [(one, _), (other, asked)]:
        assert await one.look()
        unit, theirs = one.units[SONGS], other.units[SONGS]
        early = await other.adopt(theirs)
        await other.looks.look(0.0, other.seconds() + 5)
        await one.count(unit)
        world.listen([utc_now()], [2])
        await one.look()
        await other.looks._follow()

        adopted = [await other.adopt(theirs), await other.adopt(theirs)]
        moved = told(other, DAY, 3)
        world.listen([utc_now()], [2])
        await one.look()
        await one.count(unit)
        adopted += [await other.adopt(theirs)]  # counted where it has not come to yet
        stays = told(other, DAY, 3).listens
        await other.looks._follow()
        adopted += [await other.adopt(theirs)]

        assert not early
        assert adopted == [True, False, True, True]
        assert (moved.listens, stays, told(other, DAY, 3).listens) == (2, 2, 3)
        assert (asked["look"], asked["list"], asked["position"]) == (0, 0, 0)
        assert theirs.tried_at == unit.tried_at
        assert abs(theirs.due - unit.due) < 0.1


async def test_what_was_told_before_a_process_began_is_not_taken_over(
    world: ChartWorld, tmp_path: Path
) -> None:
    async with processes(world, tmp_path) as [(yesterday, _), (today, asked)]:
        await begun(world, yesterday)
        (tmp_path / "newest").unlink()

        assert await today.look()

        assert today.looks.position == yesterday.looks.position
        assert not await today.adopt(today.units[SONGS])
        assert asked["position"] == 1


async def test_a_warehouse_made_anew_is_followed_by_all(world: ChartWorld, tmp_path: Path) -> None:
    async with processes(world, tmp_path) as [(one, _), (other, _)]:
        await begun(world, one, other)
        for charts in (one, other):
            charts.looks.position = 1_000_000  # what a warehouse before this one had come to
        await other.look()
        world.listen([utc_now()], [1])
        await one.count(one.units[SONGS])
        world.listen([utc_now()], [1])
        await one.look()
        await other.look()

        assert one.looks.position == other.looks.position < 1_000_000
        assert [charts.units[SONGS].is_behind for charts in (one, other)] == [False, True]
        assert told(one, DAY, 1).listens == 3
        await one.count(one.units[SONGS])
        assert await other.adopt(other.units[SONGS])
        assert told(other, DAY, 1).listens == 3


async def test_more_than_a_look_can_bring_is_counted_by_all(
    world: ChartWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes(world, tmp_path) as [(one, _), (other, asked)]:
        await begun(world, one, other)
        world.listen([utc_now()] * 3, [1, 2, 3])
        monkeypatch.setattr("serving.trending.counting.MOST", 2)
        await one.look()
        monkeypatch.undo()
        await other.looks._follow()
        were_behind = [unit.is_behind for charts in (one, other) for unit in charts.units.values()]
        await one.count(one.units[SONGS])

        assert await other.adopt(other.units[SONGS])
        assert all(were_behind)
        assert (asked["look"], asked["list"], asked["position"]) == (0, 0, 0)
        assert [told(charts, DAY, 1).listens for charts in (one, other)] == [4, 4]
