"""A list is given again only while all that decided it is the same."""

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from feature_store.online import RecentSongsSink
from feature_store.rights import SongRights
from foundation.contracts.events import ListenerChanged, OpinionChanged, SlateServed
from foundation.engines.redis import open_redis
from foundation.ids import UserId
from foundation.security import Principal
from models.bundle import Bundle
from serving.recommend.kept import FOR, KeptFeeds
from serving.recommend.recommender import Feed
from serving.recommend.router import kept_slate
from serving.trending.schemas import Chart, TrendingSong
from serving.trending.service import STALE
from tests.conftest import Engines
from tests.event_log.plays import events_on_disk
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


def test_lists_that_are_too_old_are_let_go() -> None:
    kept = KeptFeeds()
    kept.keep("old", 0, 0.0, FEED)
    kept.keep("young", 0, FOR / 2, FEED)

    kept.keep("new", 0, FOR, FEED)

    assert list(kept._kept) == ["young", "new"]


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


@pytest.mark.anyio
async def test_a_list_from_memory_is_a_slate_that_the_log_knows_and_holds_until_anything_changes(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))
    listener, moment = next(_numbers), [NOON]
    RecentSongsSink(open_redis(engines.redis)).apply(
        ["s0"], [ListenerChanged(listener_id=listener, version=1), listen(listener, 1011)]
    )
    who = Principal(UserId(listener), frozenset({"user"}))

    async with serving(tmp_path, engines.redis) as (app, client):
        state = app.state
        state.now = state.trending._now = lambda: moment[0]
        state.online.held.are_changes_heard = lambda: True
        for unit in state.trending.charts.units.values():
            unit.until = NOON

        async def made() -> dict[str, Any]:
            answer = await client.get("/recommendations?limit=30", headers=as_listener(listener))
            return dict(answer.json())

        def again() -> dict[str, Any] | None:
            make = kept_slate(state, who, b"limit=30")
            return None if make is None else json.loads(b"".join(make()))

        nothing_yet, slates = again(), [await made(), again(), again()]
        held = []
        for change in (
            lambda: state.rights.take(
                [SongRights(1011, 1, is_removed=True, is_explicit=False, regions=None)]
            ),
            lambda: setattr(state.trending, "chart", Chart(refreshed_at=NOON)),
            lambda: moment.__setitem__(0, NOON + STALE + timedelta(seconds=1)),
            lambda: moment.__setitem__(0, NOON + timedelta(hours=1)),
            lambda: state.online.held.forget(UserId(listener)),
        ):
            change()
            held.append(again())
            slates += [await made(), again()]
        state.kept_feeds._kept.clear()
        held.append(again())
    told = {str(each.slate_id): each for each in events_on_disk(tmp_path / "event_log")}

    assert nothing_yet is None
    assert held == [None] * 6
    assert len({slate["slate_id"] for slate in slates if slate}) == len(slates) == len(told)
    assert slates[1] == slates[0] | {"slate_id": slates[1]["slate_id"]}
    for slate in slates:
        event = told[slate["slate_id"]]
        assert isinstance(event, SlateServed)
        assert (event.listener_id, event.served_at.isoformat()) == (
            listener,
            slate["generated_at"].replace("Z", "+00:00"),
        )
        assert (event.policy, event.model, event.version) == tuple(
            slate[each] for each in ("policy", "model", "version")
        )
        assert [(song.song_id, song.score) for song in event.songs] == [
            (item["song_id"], item["score"]) for item in slate["items"]
        ]
