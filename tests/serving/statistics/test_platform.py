"""What analysts are told, counted by hand; from the rollups, and from listens as of a moment."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from foundation.clock import utc_now
from serving.statistics import platform
from serving.statistics.schemas import ActiveDay, Cohort
from serving.statistics.warehouse import Warehouse, milliseconds
from tests.serving.statistics.world import DAY, HOUR, NOON, Listen, Town
from warehouse.checking import check
from warehouse.rollups import ROLLUPS

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TODAY = NOON.date()
OURS = [rollup for rollup in ROLLUPS if rollup.table in ("listener_days", "song_exits")]


async def test_who_was_active_on_a_day_in_its_week_and_in_its_month(town: Town, asked: Warehouse) -> None:
    removed = Listen(6, 101, NOON)
    town.add_listens(
        [
            Listen(1, 101, NOON),
            Listen(1, 102, NOON),
            Listen(2, 101, NOON - 6 * DAY),
            Listen(3, 101, NOON - 7 * DAY),
            Listen(4, 101, NOON - 30 * DAY),
            Listen(5, 101, NOON, is_private=True),
            removed,
        ]
    )
    town.remove((removed, NOON + HOUR))

    told = await platform.activity(asked, TODAY - timedelta(days=1), TODAY)

    assert told.days == (
        ActiveDay(TODAY - timedelta(days=1), 0, 0, 2, 3),
        ActiveDay(TODAY, 2, 1, 2, 3),
    )


async def test_a_cohort_is_followed_week_by_week(town: Town, asked: Warehouse) -> None:
    first = NOON - 14 * DAY  # a Wednesday
    town.add_listens(
        [
            Listen(1, 101, first),
            Listen(1, 101, first + 14 * DAY),
            Listen(2, 101, first + DAY),
            Listen(2, 101, first + 8 * DAY),
            Listen(3, 101, first + 7 * DAY),
            Listen(4, 101, first - 70 * DAY),
            Listen(4, 101, first),
        ]
    )

    told = await platform.retention(asked, first.date(), TODAY)

    monday = date(2026, 2, 16)
    assert told.cohorts == (
        Cohort(monday, 2, (2, 1, 1)),
        Cohort(monday + timedelta(days=7), 1, (1, 0)),
    )


async def test_what_was_served_is_followed_to_the_listens(town: Town, asked: Warehouse) -> None:
    town.add_songs(range(101, 111))
    town.add_listens([Listen(9, song, NOON - DAY) for song in (101, 101, 102)])
    als = town.serve(1, [101, 102, 103, 104], at=NOON, policy="als")
    town.serve(2, [101], at=NOON, policy="popular")
    town.serve(2, [105], at=NOON - 60 * DAY, policy="als")
    removed = Listen(1, 104, NOON, slate=als)
    town.add_listens(
        [Listen(1, 103, NOON, slate=als), Listen(1, 102, NOON, slate=als, is_private=True), removed]
    )
    town.remove((removed, NOON + HOUR))

    told = await platform.recommendations(asked, TODAY - timedelta(days=1), TODAY)

    assert (told.catalogue_songs, told.songs, told.coverage) == (10, 4, 0.4)
    assert [
        (each.policy, each.slates, each.impressions, each.plays, each.listens) for each in told.funnels
    ] == [
        ("als", 1, 4, 1, 1),
        ("popular", 1, 1, 0, 0),
    ]
    assert [each.coverage for each in told.funnels] == [0.4, 0.1]
    # the most listened fifth is 101 and 102: 102 was heard twice, once by someone in private
    assert [each.tail_share for each in told.funnels] == [0.5, 0.0]
    assert told.tail_share == 0.4


async def test_rollups_are_what_a_recount_of_random_listens_says_also_after_damage(town: Town) -> None:
    chance_of(town, listeners=40)
    town.add_ends(101, [(3_000, "skip_early"), (200_000, "completed")] * 5, at=utc_now() - DAY)
    whole = [found.wrong for found in check(town.writer, repair=False, rollups=OURS, settled=0)]

    for rollup in OURS:
        town.writer.command(f"INSERT INTO {rollup.table} SELECT * FROM {rollup.table} LIMIT 3")  # noqa: S608 - ours
    damaged = [found.wrong for found in check(town.writer, repair=True, rollups=OURS, settled=0)]
    again = [found.wrong for found in check(town.writer, repair=False, rollups=OURS, settled=0)]

    assert whole == again == [0, 0]
    assert all(damaged)


@pytest.mark.parametrize("name", ["activity", "retention"])
async def test_as_of_now_listens_say_what_the_rollup_says(town: Town, asked: Warehouse, name: str) -> None:
    chance_of(town, listeners=60)
    schema = {"activity": platform.ACTIVITY, "retention": platform.RETENTION}[name]
    days: dict[str, Any] = {"since": TODAY - timedelta(days=50), "until": TODAY}

    rolled = await asked.ask(name, schema, **days, as_of_ms=0)
    raw = await asked.ask(name, schema, **days, as_of_ms=milliseconds(NOON + 100 * DAY))

    assert rolled.equals(raw)
    assert rolled.select(pl.all().exclude("day", "cohort")).sum().row(0) != (0,) * (rolled.width - 1)


def chance_of(town: Town, listeners: int) -> None:
    """Some hundred listens of the last eighty days, a part of them private, late or removed."""
    rng = np.random.default_rng(3)
    listens = [
        Listen(
            1 + int(rng.integers(listeners)),
            int(rng.integers(101, 140)),
            NOON - float(rng.random()) * 80 * DAY,
            is_private=bool(rng.random() < 0.1),
        )
        for _ in range(600)
    ]
    town.add_songs(range(101, 140))
    town.add_listens(listens)
    town.remove(*((each, NOON + DAY) for each in listens if rng.random() < 0.2))
