"""GET /recommendations over HTTP: who may ask, who is known, and what happens when parts are away."""

import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from feature_store.definitions import MIXES
from feature_store.online import RecentSongsSink
from foundation.clock import utc_now
from foundation.contracts.events import ImportedCount, ListenerChanged, PlaybackEvent, SlateServed
from foundation.engines.redis import open_redis
from foundation.http.app import make_app
from foundation.ids import UserId, new_play_id
from foundation.security import TokenMaker
from foundation.settings import Engines as EngineUrls
from foundation.settings import Settings
from models.bundle import Bundle
from serving.lifespan import open_serving
from serving.recommend.router import router as recommend
from serving.shelves.router import router as shelves
from serving.similar.router import router as similar
from serving.taste.router import router as taste
from serving.trending.schemas import Chart, TrendingSong
from tests.conftest import Engines
from tests.event_log.plays import events_on_disk, small_log

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOWHERE = "http://reader:secret@127.0.0.1:9/segue"  # nothing listens on the discard port
MakeBundle = Callable[..., Bundle]
Publish = Callable[[Bundle], None]
TOKENS = TokenMaker("a secret of at least thirty-two bytes", "segue", "segue-api", timedelta(hours=1))
ROUTERS = [recommend, taste, shelves, similar]
CHART = Chart(tuple(TrendingSong(song, f"Hit {song}", 1, "Star", "pop", 9) for song in (1003, 1005)), NOON)


@asynccontextmanager
async def serving(home: Path, redis: str) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """An application that serves what is published under `home`, and a client that talks to it."""
    engines = EngineUrls(
        redis=redis, clickhouse_reader=NOWHERE, blobs=f"file://{home}/blobs", vectors=f"edge://{home}/vectors"
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.log = small_log(home / "event_log")
        async with open_serving(Settings(engines=engines), lambda: NOON) as opened:
            app.state.tokens, app.state.now = TOKENS, opened.now
            app.state.live, app.state.online, app.state.trending = opened.live, opened.online, opened.trending
            app.state.kept_feeds = opened.kept_feeds
            app.state.rights, app.state.near, app.state.vectors = opened.rights, opened.near, opened.vectors
            yield
        app.state.log.close()

    app = make_app(title="t", description="", version="0", routers=ROUTERS, lifespan=lifespan)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://segue/api/v1") as client,
    ):
        yield app, client


def as_listener(listener: int, *roles: str) -> dict[str, str]:
    token = TOKENS.issue(UserId(listener), roles=roles or ("user",), now=utc_now())
    return {"Authorization": f"Bearer {token}"}


def listen(listener: int, song: int) -> PlaybackEvent:
    return PlaybackEvent(
        play_id=new_play_id(NOON),
        kind="end",
        listener_id=listener,
        song_id=song,
        started_at=NOON,
        received_at=NOON,
        played_ms=60_000,
    )


async def test_a_listener_gets_their_own_feed(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))

    async with serving(tmp_path, engines.redis) as (_, client):
        answer = await client.get("/recommendations", params={"limit": 3}, headers=as_listener(2))

    slate = answer.json()
    assert (answer.status_code, slate["user_id"], slate["model"], slate["version"]) == (
        200,
        2,
        "als/v1",
        "v1",
    )
    assert [item["song_id"] for item in slate["items"]] == [1040, 1038, 1036]
    assert slate["items"][0]["reason"]["text"].startswith("Because you listened to Song 10")


async def test_a_listen_changes_the_next_feed(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))

    async with serving(tmp_path, engines.redis) as (_, client):
        before = await client.get("/recommendations", headers=as_listener(4))
        RecentSongsSink(open_redis(engines.redis)).apply(["s1"], [listen(4, 1040)])
        after = await client.get("/recommendations", headers=as_listener(4))

    assert before.json()["items"][0]["song_id"] == 1040
    assert 1040 not in [item["song_id"] for item in after.json()["items"]]


async def test_a_listen_brings_songs_like_it_and_names_it_as_a_reason(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))

    async with serving(tmp_path, engines.redis) as (_, client):
        before = (await client.get("/recommendations?limit=3", headers=as_listener(6))).json()
        RecentSongsSink(open_redis(engines.redis)).apply(["s1"], [listen(6, song) for song in (1021, 1039)])
        after = (await client.get("/recommendations?limit=20", headers=as_listener(6))).json()

    assert (before["policy"], after["policy"]) == ("als", "als-fold-in")
    assert {item["song_id"] % 2 for item in before["items"]} == {0}
    odd = [item for item in after["items"] if item["song_id"] % 2]
    assert odd
    assert {seed["song_id"] for item in odd for seed in item["reason"]["seeds"]} & {1021, 1039}


async def test_a_newcomer_has_a_feed_of_their_own_after_the_first_listen(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))
    RecentSongsSink(open_redis(engines.redis)).apply(["s1"], [listen(70_020, 1013)])

    async with serving(tmp_path, engines.redis) as (_, client):
        slate = (await client.get("/recommendations?limit=5", headers=as_listener(70_020))).json()

    assert slate["policy"] == "als-fold-in"
    assert {item["song_id"] % 2 for item in slate["items"]} == {1}
    assert slate["items"][0]["reason"]["seeds"][0]["song_id"] == 1013


async def test_a_song_that_was_started_or_skipped_stays_on_the_feed(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))
    skipped = msgspec.structs.replace(listen(8, 1040), played_ms=29_999)
    started = msgspec.structs.replace(listen(8, 1038), kind="start", played_ms=None)

    async with serving(tmp_path, engines.redis) as (_, client):
        before = await client.get("/recommendations", headers=as_listener(8))
        RecentSongsSink(open_redis(engines.redis)).apply(["s1"], [skipped, started])
        after = await client.get("/recommendations", headers=as_listener(8))

    assert after.json()["items"] == before.json()["items"]
    assert after.json()["policy"] == "als"


async def test_a_listener_imported_after_the_bundle_gets_none_of_their_songs(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 400))
    played = [listen(70_010, song) for song in range(1001, 1201)]
    counted = [
        ImportedCount(origin="town", listener_id=70_010, song_id=song, plays=2, received_at=NOON)
        for song in (*range(1201, 1351), 5000)
    ]
    RecentSongsSink(open_redis(engines.redis)).apply(["s1"], [*played, *counted])

    async with serving(tmp_path, engines.redis) as (app, client):
        hits = tuple(TrendingSong(song, f"Hit {song}", 1, "Star", "pop", 9) for song in (1003, 1300, 5000))
        app.state.trending.chart = Chart(hits, NOON)
        answer = await client.get("/recommendations?limit=100", headers=as_listener(70_010))

    items = answer.json()["items"]
    assert sorted(item["song_id"] for item in items) == list(range(1351, 1401))
    assert not any("new to you" in item["reason"]["text"] for item in items)


async def test_only_analysts_and_admins_see_the_feed_of_another(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))

    async with serving(tmp_path, engines.redis) as (_, client):
        answers = {
            role: await client.get("/recommendations?user_id=3", headers=as_listener(2, role))
            for role in ("user", "artist", "analyst", "admin")
        }

    assert {role: answer.status_code for role, answer in answers.items()} == {
        "user": 403,
        "artist": 403,
        "analyst": 200,
        "admin": 200,
    }
    assert answers["user"].json()["code"] == "not-allowed"
    assert answers["admin"].json()["user_id"] == 3


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "user_id=0", "user_id=x", f"user_id={2**63}"]
)
async def test_a_bad_parameter_is_refused(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish, query: str
) -> None:
    publish(checkerboard(10, 40))

    async with serving(tmp_path, engines.redis) as (_, client):
        answer = await client.get(f"/recommendations?{query}", headers=as_listener(2, "admin"))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_nobody_gets_a_feed_without_a_token(tmp_path: Path, engines: Engines) -> None:
    async with serving(tmp_path, engines.redis) as (_, client):
        answer = await client.get("/recommendations")

    assert (answer.status_code, answer.json()["code"]) == (401, "missing-token")


async def test_an_unknown_listener_is_told_so(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))

    async with serving(tmp_path, engines.redis) as (_, client):
        answer = await client.get("/recommendations?user_id=999999", headers=as_listener(2, "admin"))

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-listener")


async def test_who_signed_up_a_moment_ago_is_served_before_any_store_has_heard_of_them(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))

    async with serving(tmp_path, engines.redis) as (app, client):
        app.state.trending.chart = CHART
        paths = ("/recommendations?limit=3", "/home", "/recommendations/mixes", "/recommendations/taste")
        answers = [await client.get(path, headers=as_listener(999_999)) for path in paths]
        kept = await app.state.online.redis.exists(MIXES.key(UserId(999_999)))

    slate, _, mixes, taste = (answer.json() for answer in answers)
    assert [answer.status_code for answer in answers] == [200] * len(paths)
    assert [item["song_id"] for item in slate["items"]] == [1003, 1005, 1001]
    assert (taste["songs"], kept) == ([], 0)
    assert mixes["user_id"] == 999_999


async def test_a_new_listener_gets_what_is_trending(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))
    told = ListenerChanged(listener_id=70_001, version=1)
    RecentSongsSink(open_redis(engines.redis)).apply(["s1"], [told])

    async with serving(tmp_path, engines.redis) as (app, client):
        app.state.trending.chart = CHART
        answer = await client.get("/recommendations?limit=3", headers=as_listener(70_001))

    slate = answer.json()
    assert (answer.status_code, slate["policy"], slate["stale"]) == (200, "trending", [])
    assert [item["song_id"] for item in slate["items"]] == [1003, 1005, 1001]
    assert [item["reason"]["code"] for item in slate["items"]] == ["trending", "trending", "popular"]


async def test_before_any_model_a_known_listener_gets_what_is_trending_or_is_told_what_to_do(
    tmp_path: Path, engines: Engines
) -> None:
    RecentSongsSink(open_redis(engines.redis)).apply(["s1"], [ListenerChanged(listener_id=70_002, version=1)])

    async with serving(tmp_path, engines.redis) as (app, client):
        nothing = await client.get("/recommendations", headers=as_listener(70_002))
        app.state.trending.chart = CHART
        trending_songs = await client.get("/recommendations", headers=as_listener(70_002))

    assert (nothing.status_code, nothing.json()["code"]) == (503, "no-model")
    assert "./segue job --all" in nothing.json()["detail"]
    assert [item["song_id"] for item in trending_songs.json()["items"]] == [1003, 1005]
    assert (trending_songs.json()["model"], trending_songs.json()["version"]) == (None, None)


async def test_a_stopped_redis_makes_the_feed_stale_and_no_slower(
    tmp_path: Path,
    own_redis: tuple[str, "subprocess.Popen[bytes]"],
    checkerboard: MakeBundle,
    publish: Publish,
) -> None:
    url, server = own_redis
    publish(checkerboard(10, 40))

    async with serving(tmp_path, url) as (app, client):
        app.state.trending.chart = CHART
        fresh = await client.get("/recommendations", headers=as_listener(2))
        server.kill()
        server.wait()
        stale = await client.get("/recommendations", headers=as_listener(2))

    assert (fresh.status_code, fresh.json()["stale"]) == (200, [])
    assert (stale.status_code, stale.json()["stale"]) == (200, ["recent_songs"])
    assert stale.json()["items"] == fresh.json()["items"]
    assert stale.elapsed < timedelta(milliseconds=500)


async def test_the_answer_is_what_the_documentation_says(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))

    async with serving(tmp_path, engines.redis) as (app, client):
        slate = (await client.get("/recommendations", headers=as_listener(2))).json()
        documented = app.openapi()["paths"]["/api/v1/recommendations"]["get"]["responses"]

    schema = documented["200"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == set(slate)
    assert set(schema["properties"]["items"]["items"]["properties"]) == set(slate["items"][0])
    assert {"401", "403", "404", "422", "503"} <= set(documented)


async def test_a_slate_that_its_listener_was_served_stands_in_the_log(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(10, 40))

    async with serving(tmp_path, engines.redis) as (_, client):
        own = await client.get("/recommendations", params={"limit": 3}, headers=as_listener(2))
        await client.get("/recommendations", params={"user_id": 2}, headers=as_listener(9, "analyst"))

    (told,) = events_on_disk(tmp_path / "event_log")
    assert isinstance(told, SlateServed)
    assert (str(told.slate_id), told.listener_id) == (own.json()["slate_id"], 2)
    assert [song.song_id for song in told.songs] == [item["song_id"] for item in own.json()["items"]]
    assert {song.propensity for song in told.songs} == {1.0}
