"""Home, mixes, radio, what to play next, and artists like an artist over HTTP."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, datetime
from itertools import count
from pathlib import Path

import anyio
import httpx
import numpy as np
import polars as pl
import pytest

from feature_store.definitions import MIXES
from feature_store.online import RecentSongsSink
from foundation.contracts.events import (
    Event,
    FollowChanged,
    ListenerChanged,
    OpinionChanged,
    SlateServed,
)
from foundation.engines.redis import open_redis
from models.bundle import Bundle
from serving.trending.schemas import Chart, TrendingSong
from tests.conftest import Engines
from tests.event_log.plays import events_on_disk
from tests.serving.test_recommend_api import NOON, Publish, as_listener, listen, serving

pytestmark = pytest.mark.anyio
MakeBundle = Callable[..., Bundle]
_numbers = count(72_000)
SONGS = 120


@pytest.fixture
async def client(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> AsyncIterator[httpx.AsyncClient]:
    """Over a town of ten listeners and 120 songs by thirty artists; song 1119 is of yesterday."""
    bundle = checkerboard(10, SONGS)
    songs = bundle.songs.with_columns(
        artist_id=pl.col("song_id") % 30 + 1,
        artist=pl.format("Artist {}", pl.col("song_id") % 30 + 1),
        released_on=pl.when(pl.col("song_id") == 1119).then(date(2026, 2, 28)).otherwise(date(2020, 1, 1)),
    )
    publish(replace(bundle, songs=songs, needs=np.full(SONGS, 3, np.int8)))
    async with serving(tmp_path, engines.redis) as (app, opened):
        hits = tuple(TrendingSong(song, f"Hit {song}", 1, "Star", "pop", 9) for song in (1106, 1104, 1102))
        app.state.trending.chart = Chart(hits, NOON)
        yield opened


def somebody(engines: Engines, *told: Event, heard: tuple[int, ...] = (1011, 1013)) -> int:
    """A listener of this test alone, who has heard some songs and told us something."""
    number = next(_numbers)
    known = [ListenerChanged(listener_id=number, version=1), *(listen(number, song) for song in heard)]
    of_them = [type(event)(**{**_fields(event), "listener_id": number}) for event in told]
    RecentSongsSink(open_redis(engines.redis)).apply("s1", [*known, *of_them])
    return number


def _fields(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


FOLLOW = FollowChanged(listener_id=0, kind="artist", target_id=1119 % 30 + 1, is_following=True, version=1)


async def test_home_has_a_shelf_for_each_reason_and_no_song_twice(
    client: httpx.AsyncClient, engines: Engines
) -> None:
    listener = somebody(engines, FOLLOW)

    home = (await client.get("/home?limit=6", headers=as_listener(listener))).json()

    shelves = {shelf["name"]: shelf for shelf in home["shelves"]}
    assert list(shelves) == [
        "continue",
        "made-for-you",
        "because-you-listened",
        "fresh",
        "rising",
        "discover",
    ]
    ids = {name: [item["song_id"] for item in shelf["items"]] for name, shelf in shelves.items()}
    assert set(ids["continue"]) == {1011, 1013}
    assert ids["fresh"] == [1119]
    assert shelves["fresh"]["items"][0]["reason"]["code"] == "followed-artist"
    assert shelves["because-you-listened"]["title"].startswith("Because you listened to Song 101")
    assert {item["artist_id"] for item in shelves["discover"]["items"]}.isdisjoint(
        {1011 % 30 + 1, 1013 % 30 + 1}
    )
    shown = [song for songs in ids.values() for song in songs]
    assert len(shown) == len(set(shown))
    assert len({shelf["slate_id"] for shelf in home["shelves"]}) == len(home["shelves"])


async def test_a_hidden_song_is_on_no_shelf_and_each_shelf_is_logged(
    tmp_path: Path, client: httpx.AsyncClient, engines: Engines
) -> None:
    hidden = [
        OpinionChanged(listener_id=0, kind="song", target_id=song, opinion="hide", version=1)
        for song in (1013, 1119, 1106)
    ]
    listener = somebody(engines, FOLLOW, *hidden)

    home = (await client.get("/home", headers=as_listener(listener))).json()

    shown = {item["song_id"] for shelf in home["shelves"] for item in shelf["items"]}
    assert shown
    assert not shown & {1013, 1119, 1106}
    assert "fresh" not in {shelf["name"] for shelf in home["shelves"]}
    surfaces = {f"home/{shelf['name']}" for shelf in home["shelves"]}
    assert await logged_of(tmp_path, listener, len(surfaces)) == surfaces


async def logged_of(tmp_path: Path, listener: int, wanted: int) -> set[str]:
    """The surfaces of the slates in the log, which nobody waited for."""
    found: set[str] = set()
    for _ in range(100):
        events = events_on_disk(tmp_path / "event_log")
        slates = [each for each in events if isinstance(each, SlateServed) and each.listener_id == listener]
        found = {each.surface for each in slates}
        if len(found) >= wanted:
            break
        await anyio.sleep(0.05)
    return found


async def test_mixes_stay_until_they_expire_but_for_what_is_hidden(
    client: httpx.AsyncClient, engines: Engines
) -> None:
    listener = somebody(engines, heard=tuple(range(1001, 1021)))
    headers = as_listener(listener)

    first = (await client.get("/recommendations/mixes", headers=headers)).json()["items"]
    RecentSongsSink(open_redis(engines.redis)).apply(
        "s2",
        [
            listen(listener, 1042),
            OpinionChanged(
                listener_id=listener,
                kind="song",
                target_id=first[0]["items"][0]["song_id"],
                opinion="hide",
                version=1,
            ),
        ],
    )
    second = (await client.get("/recommendations/mixes", headers=headers)).json()["items"]

    assert [mix["mix_id"] for mix in first] == ["daily-1", "daily-2", "weekly"]
    assert {mix["kind"]: mix["expires_at"] for mix in first} == {
        "daily": "2026-03-02T00:00:00Z",
        "weekly": "2026-03-02T00:00:00Z",
    }
    daily = [{item["song_id"] for item in mix["items"]} for mix in first[:2]]
    assert not daily[0] & daily[1]
    assert all(songs & set(range(1001, 1021)) and songs - set(range(1001, 1021)) for songs in daily)
    assert {song % 2 for song in daily[0]} != {song % 2 for song in daily[1]}
    of_first = [item["song_id"] for item in first[0]["items"]]
    assert [item["song_id"] for item in second[0]["items"]] == of_first[1:]
    assert [item["rank"] for item in second[0]["items"]] == list(range(1, len(of_first)))
    assert second[1]["items"] == first[1]["items"]
    assert second[0]["slate_id"] != first[0]["slate_id"]


async def test_a_weekly_mix_has_artists_the_listener_has_not_heard(
    client: httpx.AsyncClient, engines: Engines
) -> None:
    listener = somebody(engines)

    (weekly,) = (await client.get("/recommendations/mixes", headers=as_listener(listener))).json()["items"]

    assert weekly["kind"] == "weekly"
    assert datetime.fromisoformat(weekly["expires_at"]) > NOON
    assert {item["artist_id"] for item in weekly["items"]}.isdisjoint({1011 % 30 + 1, 1013 % 30 + 1})


async def test_mixes_are_kept_with_what_else_is_known_of_a_listener(
    client: httpx.AsyncClient, engines: Engines
) -> None:
    listener = somebody(engines)

    await client.get("/recommendations/mixes", headers=as_listener(listener))

    redis = open_redis(engines.redis)
    assert 0 < redis.ttl(MIXES.key(listener)) <= MIXES.kept.total_seconds()


@pytest.mark.parametrize("seed", ["song:1020", "artist:21", "genre:Pop"])
async def test_a_radio_plays_what_is_like_its_seed(
    client: httpx.AsyncClient, engines: Engines, seed: str
) -> None:
    listener = somebody(engines)

    slate = (
        await client.get(
            "/radio", params={"seed": seed, "limit": 8, "familiarity": 0}, headers=as_listener(listener)
        )
    ).json()

    assert slate["policy"] == "seeded"
    assert {item["song_id"] % 2 for item in slate["items"]} == {0}


async def test_a_radio_goes_on_without_repeating(client: httpx.AsyncClient, engines: Engines) -> None:
    headers, played = as_listener(somebody(engines)), []

    for _ in range(3):
        asked = [("seed", "song:1020"), ("limit", "6"), *(("context", f"song:{song}") for song in played)]
        slate = (await client.get("/radio", params=asked, headers=headers)).json()
        played += [item["song_id"] for item in slate["items"]]

    assert len(played) == len(set(played)) == 18


@pytest.mark.parametrize(
    ("seed", "status", "code"),
    [
        ("song:4711", 404, "unknown-seed"),
        ("artist:4711", 404, "unknown-seed"),
        ("genre:polka", 404, "unknown-seed"),
        ("text:a rainy night", 404, "unknown-seed"),
        ("album:1", 422, "invalid-request"),
        ("song:0", 422, "invalid-request"),
        ("song:99999999999999999999", 422, "invalid-request"),
        ("genre:a\nb", 422, "invalid-request"),
    ],
)
async def test_a_seed_that_names_nothing_is_refused(
    client: httpx.AsyncClient, seed: str, status: int, code: str
) -> None:
    answer = await client.get("/radio", params={"seed": seed}, headers=as_listener(2))

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_what_comes_next_is_like_the_end_of_the_queue(
    client: httpx.AsyncClient, engines: Engines
) -> None:
    headers = as_listener(somebody(engines))

    queued = await client.get(
        "/next", params={"context": ["song:1020", "song:1022"], "familiarity": 0}, headers=headers
    )
    alone = await client.get("/next?familiarity=0", headers=headers)

    assert {item["song_id"] % 2 for item in queued.json()["items"]} == {0}
    assert {item["song_id"] % 2 for item in alone.json()["items"]} == {1}
    assert not {1020, 1022, 1011, 1013} & {item["song_id"] for item in queued.json()["items"]}


async def test_artists_to_whom_the_same_people_listen_are_alike(client: httpx.AsyncClient) -> None:
    answer = await client.get("/artists/21/similar?limit=5")
    unknown = await client.get("/artists/4711/similar")

    alike = answer.json()
    assert alike["artist"] == "Artist 21"
    assert [item["score"] for item in alike["items"]] == [1.0] * 5
    assert {item["artist_id"] % 2 for item in alike["items"]} == {1}
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-artist")


async def test_home_does_without_redis(tmp_path: Path, checkerboard: MakeBundle, publish: Publish) -> None:
    publish(checkerboard(10, 40))

    async with serving(tmp_path, "redis://127.0.0.1:9") as (_, client):
        answers = [
            await client.get(path, headers=as_listener(2)) for path in ("/home", "/recommendations/mixes")
        ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert all("recent_songs" in answer.json()["stale"] for answer in answers)
