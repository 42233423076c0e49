"""Dependencies are asked together, for a moment, once at a time, and not more often than is useful."""

import asyncio
import time

import pytest

from foundation.http.health import Dependency, Health

pytestmark = pytest.mark.anyio


class Store:
    """Something that is asked, and how often."""

    def __init__(self, name: str, *, takes: float = 0.0, is_down: bool = False) -> None:
        self.name, self.takes, self.is_down, self.asked = name, takes, is_down, 0

    async def ask(self) -> None:
        self.asked += 1
        await asyncio.sleep(self.takes)
        if self.is_down:
            raise ConnectionError("connection refused by 10.0.0.7")

    @property
    def dependency(self) -> Dependency:
        return Dependency(self.name, self.ask)


async def test_all_are_asked_at_once_and_each_is_reported() -> None:
    stores = [Store("a", takes=0.1), Store("b", takes=0.1), Store("c", is_down=True)]
    health = Health([store.dependency for store in stores])

    begun_at = time.monotonic()
    report = await health.report()

    assert report.members == {"a": True, "b": True, "c": False}
    assert report.down == ["c"]
    assert time.monotonic() - begun_at < 0.19
    await health.close()


async def test_one_that_hangs_is_down_and_is_not_asked_again_meanwhile() -> None:
    slow, now = Store("slow", takes=0.3), [0.0]
    health = Health([slow.dependency], patience=0.05, remembered=1, seconds=lambda: now[0])

    first = await health.report()
    now[0] = 2
    second = await health.report()
    await asyncio.sleep(0.25)
    now[0] = 4
    third = await health.report()

    assert (first.down, second.down, third.down) == (["slow"], ["slow"], [])
    assert slow.asked == 1
    await health.close()


async def test_a_report_is_remembered_and_shared_by_all_who_wait() -> None:
    store, now = Store("a", takes=0.01), [0.0]
    health = Health([store.dependency], remembered=1, seconds=lambda: now[0])

    await asyncio.gather(*(health.report() for _ in range(20)))
    now[0] = 0.9
    await health.report()
    asked = store.asked
    now[0] = 1.1
    await health.report()

    assert (asked, store.asked) == (1, 2)
    await health.close()


async def test_why_one_is_down_is_told_in_the_log_once_and_not_to_everyone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, now = Store("a", is_down=True), [0.0]
    health = Health([store.dependency], seconds=lambda: now[0])

    report = await health.report()
    now[0] = 5
    await health.report()
    store.is_down, now[0] = False, 10
    await health.report()

    assert "10.0.0.7" not in str(report.body())
    assert [record.getMessage() for record in caplog.records] == [
        "a is down: connection refused by 10.0.0.7",
        "a answers again",
    ]
    await health.close()
