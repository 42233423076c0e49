"""What a chart may tell: of playlists those that are public, of searches those that name nobody."""

from datetime import timedelta

import pytest

from foundation.clock import utc_now
from serving.trending.answers import told
from serving.trending.charts import Charts
from serving.trending.rising import rise
from serving.trending.schemas import Asked, View
from tests.serving.trending.chart_world import ChartWorld, count

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_private_playlist_is_in_no_chart_and_one_made_public_is(
    world: ChartWorld, charts: Charts
) -> None:
    world.release(2)
    world.publish(1)
    world.publish(2, is_public=False)
    now = utc_now()
    world.listen([now] * 6, [1] * 6, playlists=[1, 1, 2, 2, 2, 3])
    await count(charts, "playlists")
    counted = charts.list_of(Asked("playlists"), 10)[1]

    world.listen([now] * 2, [1] * 2, playlists=[1, 2])
    await charts.look()
    moved = charts.list_of(Asked("playlists"), 10)[1]
    world.publish(2, version=2)
    world.publish(1, is_public=False, version=2)
    await charts.count(charts.units["playlists", "week", "most_played", "raw"])
    anew = charts.list_of(Asked("playlists"), 10)[1]

    assert counted is not None
    assert moved is not None
    assert anew is not None
    assert [(counted.ids.tolist(), counted.heard.tolist(), counted.listens)] == [([1], [2], 2)]
    assert [(moved.ids.tolist(), moved.heard.tolist(), moved.listens)] == [([1], [3], 3)]
    assert [(anew.ids.tolist(), anew.heard.tolist(), anew.listens)] == [([2], [4], 4)]


async def test_searches_are_told_where_enough_listeners_made_them(world: ChartWorld, charts: Charts) -> None:
    now = utc_now()
    made = [
        *[("queen", listener, "NZ") for listener in range(1, 6)],
        *[("queen", listener, "DE") for listener in range(6, 10)],
        *[("ann smith, elm street 5", listener, "NZ") for listener in (1, 2, 3, 4, 4, 4, 4)],
        *[("abba", listener, "NZ") for listener in (11, 12, 13, 14, 15, 15, 15, 15, 15)],
        *[("nobody", 0, "NZ")] * 20,
    ]
    world.search([now] * len(made), *map(list, zip(*made, strict=True)))
    world.search([now - timedelta(days=3)], ["abba"], [16])

    await count(charts, "searches", "day")
    await count(charts, "searches")

    def chart(view: View, region: str | None) -> list[tuple[str, int]]:
        items = told(charts, Asked("searches", "day", view=view, region=region), 10).items
        return [(item.query, item.listens) for item in items]  # type: ignore[attr-defined]

    assert chart("raw", None) == [("abba", 9), ("queen", 9)] or chart("raw", None) == [
        ("queen", 9),
        ("abba", 9),
    ]
    assert chart("cleaned", None) == [("queen", 9), ("abba", 7)]
    assert chart("raw", "NZ") == [("abba", 9), ("queen", 5)]
    assert chart("raw", "DE") == []
    assert told(charts, Asked("searches", "day"), 10).listens == len(made)
    assert told(charts, Asked("searches", "day"), 10).removed_share == round(3 / len(made), 6)
    assert told(charts, Asked("searches", "week"), 1).items[0].listens == 10


async def test_searches_that_are_told_twice_count_once_and_rise_against_their_past(
    world: ChartWorld, charts: Charts
) -> None:
    now = utc_now()
    for days, queries in ((3, ["usual"] * 60 + ["old"] * 60), (0, ["usual"] * 20 + ["new"] * 40)):
        world.search([now - timedelta(days=days)] * len(queries), queries, range(1, len(queries) + 1))
    world.client.command("INSERT INTO searches SELECT * FROM searches")

    await count(charts, "searches", "day")

    chart = told(charts, Asked("searches", "day", "rising"), 10)
    assert [(item.query, item.listens) for item in chart.items] == [("new", 40)]  # type: ignore[attr-defined]
    assert chart.items[0].rise == rise(40, 0, 0.5) == 3
    assert chart.listens == 60
