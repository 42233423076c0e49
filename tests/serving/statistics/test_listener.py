"""A listener's statistics, of worlds small enough to count by hand, and of random ones counted the plain way."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from serving.statistics.listener import Asked, read
from serving.statistics.periods import Range, period
from serving.statistics.schemas import ListenerStatistics
from serving.statistics.warehouse import Warehouse
from tests.serving.statistics.recount import recount, valid
from tests.serving.statistics.world import DAY, HOUR, NOON, Listen, Town

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

RANGES: tuple[Range, ...] = (
    "this_week",
    "last_week",
    "this_month",
    "last_month",
    "this_quarter",
    "last_quarter",
    "this_half_year",
    "last_half_year",
    "this_year",
    "last_year",
    "all_time",
)
CLOCKS = ("UTC", "Europe/Amsterdam", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Auckland")
HISTORIES = 220


async def of(
    warehouse: Warehouse, listener: int, named: Range, at: datetime = NOON, tz: str = "UTC"
) -> ListenerStatistics:
    zone = ZoneInfo(tz)
    return await read(warehouse, Asked(listener, named, period(named, at, zone), zone, tz, at, 100))


async def test_a_week_counted_by_hand(town: Town, asked: Warehouse) -> None:
    town.add_songs([101, 102, 201])
    monday = NOON - 2 * DAY
    heard = [
        Listen(7, 101, monday - 10 * DAY),
        *[Listen(7, 101, monday + hours * HOUR, ms=200_000) for hours in (0, 1, 2)],
        Listen(7, 201, monday + DAY, ms=60_000),
        Listen(7, 102, monday + DAY + 9 * HOUR, ms=90_000),
        Listen(7, 102, monday + DAY, is_private=True),
        Listen(8, 102, monday),
    ]

    town.add_listens(heard)
    told = await of(asked, 7, "this_week")

    assert (told.since, told.until) == (datetime(2026, 3, 2, tzinfo=NOON.tzinfo), NOON)
    assert (told.listens, told.minutes, told.songs, told.artists) == (5, 12.5, 3, 2)
    assert [(song.title, song.artist, song.listens) for song in told.top_songs] == [
        ("Song 101", "Artist 1", 3),
        ("Song 102", "Artist 2", 1),
        ("Song 201", "Artist 1", 1),
    ]
    assert [(artist.artist, artist.listens, artist.minutes) for artist in told.top_artists] == [
        ("Artist 1", 4, 11.0),
        ("Artist 2", 1, 1.5),
    ]
    assert [(genre.genre, genre.listens) for genre in told.top_genres] == [("pop", 2)]
    assert {hour: n for hour, n in enumerate(told.by_hour) if n} == {12: 2, 13: 1, 14: 1, 21: 1}
    assert told.by_weekday == (3, 2, 0, 0, 0, 0, 0)
    assert (told.streaks.longest_days, told.streaks.current_days) == (2, 2)
    assert told.diversity.entropy == pytest.approx(0.721928)
    assert told.diversity.effective_artists == pytest.approx(1.649385)
    assert (told.new_to_me.songs, told.new_to_me.artists) == (2, 1)


async def test_who_has_heard_nothing_is_told_so(asked: Warehouse) -> None:
    told = await of(asked, 7, "all_time")

    assert (told.since, told.listens, told.top_songs, sum(told.by_hour)) == (None, 0, (), 0)
    assert (told.diversity.entropy, told.diversity.effective_artists) == (0.0, 0.0)


async def test_a_listen_before_midnight_is_of_the_next_day_where_it_is_later(
    town: Town, asked: Warehouse
) -> None:
    town.add_listens([Listen(7, 101, datetime(2026, 2, 28, 23, 30, tzinfo=NOON.tzinfo))])

    here, there = await of(asked, 7, "this_month"), await of(asked, 7, "this_month", tz="Europe/Amsterdam")

    assert (here.listens, there.listens) == (0, 1)
    assert there.by_hour[0] == 1
    assert there.by_weekday[6] == 1


async def test_yesterdays_answer_stays_what_it_was(town: Town, asked: Warehouse) -> None:
    yesterday = NOON - DAY
    kept, removed = Listen(7, 101, yesterday - HOUR), Listen(7, 102, yesterday - HOUR)
    town.add_songs([101, 102])
    town.add_listens([kept, removed])
    before = await of(asked, 7, "this_week", at=yesterday)

    town.remove((removed, NOON - HOUR))
    town.add_listens(
        [Listen(7, 101, yesterday - 2 * HOUR, known_at=NOON - HOUR)]
    )  # from a phone without a network
    after = await of(asked, 7, "this_week", at=yesterday)
    now = await of(asked, 7, "this_week")

    assert before == after
    assert before.listens == 2
    assert [(song.song_id, song.listens) for song in now.top_songs] == [(101, 2)]


async def test_a_listen_whose_length_is_told_anew_counts_once(town: Town, asked: Warehouse) -> None:
    first = Listen(7, 101, NOON - 3 * HOUR, ms=42_000)
    whole = replace(first, ms=180_000, known_at=NOON - HOUR)
    town.add_listens([first])
    town.add_listens([whole])

    town.remove((first, NOON - HOUR))
    before, now = await of(asked, 7, "this_week", at=NOON - 2 * HOUR), await of(asked, 7, "this_week")

    assert (before.listens, before.minutes) == (1, 0.7)
    assert (now.listens, now.minutes) == (1, 3.0)


async def test_statistics_of_random_histories_are_what_a_plain_recount_says(
    town: Town, asked: Warehouse
) -> None:
    """Late, told twice, private, removed; for each listener a range, a clock and a moment of their own."""
    rng = np.random.default_rng(5)
    town.add_songs(range(100, 340))
    listens = [each for listener in range(1, HISTORIES + 1) for each in random_history(rng, listener)]
    removed = {
        each.play_id: each.ingested_at + timedelta(seconds=int(rng.integers(1, 30 * 86_400)))
        for each in listens
        if rng.random() < 0.15
    }
    town.add_listens(listens)
    town.remove(*((each, removed[each.play_id]) for each in listens if each.play_id in removed))

    answered = 0
    for listener in range(1, HISTORIES + 1):
        named, tz = RANGES[listener % len(RANGES)], CLOCKS[listener % len(CLOCKS)]
        at = NOON - timedelta(minutes=int(1440 * 12 * rng.random() ** 3))
        told = await of(asked, listener, named, at, tz)
        known = valid(listens, removed, listener, at)

        assert flat(told) == recount(known, named, tz, at), (listener, named, tz, at)
        answered += told.listens > 0

    assert answered > HISTORIES / 3


def random_history(rng: np.random.Generator, listener: int) -> list[Listen]:
    """Up to ninety listens over anything between an evening and a year, half of them to a few favourites."""
    span = 86_400 * float(rng.choice([0.2, 9, 60, 400]))
    return [
        Listen(
            listener,
            int(rng.integers(100, 106) if rng.random() < 0.5 else rng.integers(100, 340)),
            at := NOON - timedelta(milliseconds=int(1000 * span * rng.random())),
            ms=int(rng.integers(30_000, 400_000)),
            known_at=at + timedelta(seconds=int(rng.integers(1, 20 * 86_400)))
            if rng.random() < 0.2
            else None,
            is_private=bool(rng.random() < 0.1),
        )
        for _ in range(int(rng.integers(0, 90)))
    ]


def flat(told: ListenerStatistics) -> dict[str, Any]:
    same = ("since", "until", "listens", "minutes", "songs", "artists", "by_hour", "by_weekday")
    return {name: getattr(told, name) for name in same} | {
        "top_songs": [(each.song_id, each.listens, each.minutes) for each in told.top_songs],
        "top_artists": [(each.artist_id, each.listens, each.minutes) for each in told.top_artists],
        "top_genres": [(each.genre, each.listens, each.minutes) for each in told.top_genres],
        "longest_days": told.streaks.longest_days,
        "current_days": told.streaks.current_days,
        "entropy": told.diversity.entropy,
        "effective_artists": told.diversity.effective_artists,
        "new_songs": told.new_to_me.songs,
        "new_artists": told.new_to_me.artists,
    }
