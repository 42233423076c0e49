"""A list is given again only while all that decided it is the same."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from feature_store.online import RecentSongsSink
from foundation.contracts.events import ListenerChanged, OpinionChanged
from foundation.engines.redis import open_redis
from foundation.ids import UserId
from models.bundle import Bundle
from serving.recommend.kept import FOR, KeptFeeds
from serving.recommend.recommender import Feed
from serving.trending.schemas import Chart, TrendingSong
from tests.conftest import Engines
from tests.serving.test_recommend_api import NOON, Publish, as_listener, listen, serving

MakeBundle = Callable[..., Bundle]
_numbers = count(74_000)
FEED = Feed(UserId(1), "als", (), ())


def test_a_list_is_kept_while_its_state_is_the_same_and_not_for_long() -> None:
    kept = KeptFeeds()
    kept.keep("asked", ("v1", 7), 100.0, FEED)

    assert kept.of("asked", ("v1", 7), 100.0 + FOR / 2) is FEED
    assert kept.of("asked", ("v1", 8), 101.0) is None
    assert kept.of("asked", ("v1", 7), 100.0 + FOR) is None
    assert kept.of("another", ("v1", 7), 101.0) is None


def test_of_too_many_lists_those_go_that_nobody_asks_for() -> None:
    kept = KeptFeeds(most=2)
    for number in range(2):
        kept.keep(number, 0, 0.0, FEED)
    kept.of(0, 0, 1.0)

    kept.keep(2, 0, 1.0, FEED)

    assert [kept.of(number, 0, 1.0) is not None for number in range(3)] == [True, False, True]


@pytest.mark.anyio
async def test_whatever_changes_the_listener_or_the_charts_makes_another_list(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))
    listener, sink = next(_numbers), RecentSongsSink(open_redis(engines.redis))
    sink.apply("s0", [ListenerChanged(listener_id=listener, version=1), listen(listener, 1011)])

    async with serving(tmp_path, engines.redis) as (app, client):
        kept = app.state.kept_feeds

        async def songs() -> list[int]:
            answer = await client.get("/recommendations?limit=30", headers=as_listener(listener))
            return [item["song_id"] for item in answer.json()["items"]]

        first, again = await songs(), await songs()
        made = len(kept._kept)
        sink.apply(
            "s1",
            [
                OpinionChanged(
                    listener_id=listener, kind="song", target_id=first[0], opinion="hide", version=1
                )
            ],
        )
        hidden = await songs()
        sink.apply("s2", [listen(listener, hidden[0])])
        played = await songs()
        app.state.trending.chart = Chart(
            (TrendingSong(5000, "Hit", 1, "Star", "pop", 9),), NOON + timedelta(hours=1)
        )
        charted = await songs()

    assert (again, made) == (first, 1)
    assert first[0] not in hidden
    assert hidden[0] not in played
    assert 5000 in charted
    assert 5000 not in played
