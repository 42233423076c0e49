"""Feedback, taste and previews over HTTP: what a listener says holds for their next request, and is safe in the log."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import msgspec
import pytest

from feature_store.online import RecentSongsSink
from foundation.contracts.events import FeedbackGiven, ListenerChanged, SlateServed
from foundation.engines.redis import open_redis
from models.bundle import Bundle
from tests.conftest import Engines
from tests.event_log.plays import events_on_disk
from tests.serving.test_recommend_api import NOON, Publish, as_listener, listen, serving

pytestmark = pytest.mark.anyio
MakeBundle = Callable[..., Bundle]
_numbers = count(71_000)


@pytest.fixture
async def client(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> AsyncIterator[httpx.AsyncClient]:
    """Over a town of ten listeners and forty songs."""
    publish(checkerboard(10, 40))
    async with serving(tmp_path, engines.redis) as (_, opened):
        yield opened


@pytest.fixture
def newcomer(engines: Engines) -> int:
    """Somebody of this test alone, who has heard two odd songs."""
    number = next(_numbers)
    told = [ListenerChanged(listener_id=number, version=1), listen(number, 1011), listen(number, 1013)]
    RecentSongsSink(open_redis(engines.redis)).apply("s1", told)
    return number


async def songs_of(client: httpx.AsyncClient, listener: int, limit: int = 40) -> list[int]:
    answer = await client.get("/recommendations", params={"limit": limit}, headers=as_listener(listener))
    assert answer.status_code == 200, answer.text
    return [item["song_id"] for item in answer.json()["items"]]


@pytest.mark.parametrize(
    ("about", "is_gone"),
    [
        ({"kind": "song", "id": 1039}, lambda song: song == 1039),
        ({"kind": "artist", "id": 1039 % 7}, lambda song: song % 7 == 1039 % 7),
        ({"kind": "genre", "genre": "Pop"}, lambda song: song % 2 == 0),
    ],
    ids=["song", "artist", "genre"],
)
async def test_what_shall_never_come_leaves_the_next_feed_and_comes_back_when_it_is_taken_back(
    client: httpx.AsyncClient, newcomer: int, about: dict[str, object], is_gone: Callable[[int], bool]
) -> None:
    before, headers = await songs_of(client, newcomer), as_listener(newcomer)

    given = await client.post("/recommendations/feedback", json=about | {"wish": "never"}, headers=headers)
    during = await songs_of(client, newcomer)
    target = about.get("id") or about["genre"]
    taken = await client.delete(f"/recommendations/feedback/{about['kind']}/{target}", headers=headers)
    after = await songs_of(client, newcomer)

    assert (given.status_code, taken.status_code) == (200, 204)
    assert given.json()["given_at"] == "2026-03-01T12:00:00Z"
    assert any(map(is_gone, before))
    assert not any(map(is_gone, during))
    assert after == before


async def test_all_feedback_is_told_with_its_names(client: httpx.AsyncClient, newcomer: int) -> None:
    headers, until = as_listener(newcomer), (NOON + timedelta(days=30)).isoformat()
    for told in (
        {"kind": "artist", "id": 3, "wish": "never", "until": until},
        {"kind": "song", "id": 1020, "wish": "less"},
        {"kind": "genre", "genre": "Drum and Bass", "wish": "more"},
    ):
        await client.post("/recommendations/feedback", json=told, headers=headers)

    items = (await client.get("/recommendations/feedback", headers=headers)).json()["items"]

    told = {(item["kind"], item["name"]): (item["wish"], item["until"]) for item in items}
    assert told == {
        ("artist", "Artist 3"): ("never", "2026-03-31T12:00:00Z"),
        ("song", "Song 1020"): ("less", None),
        ("genre", "drum and bass"): ("more", None),
    }


async def test_feedback_is_safe_in_the_log_before_it_is_answered(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish, newcomer: int
) -> None:
    publish(checkerboard(10, 40))

    async with serving(tmp_path, engines.redis) as (_, client):
        headers = as_listener(newcomer)
        told = {"kind": "artist", "id": 3, "wish": "never", "until": "2026-04-01T12:00:00+12:00"}
        await client.post("/recommendations/feedback", json=told, headers=headers)
        await client.delete("/recommendations/taste/songs/1011", headers=headers)

    given = [event for event in events_on_disk(tmp_path / "event_log") if isinstance(event, FeedbackGiven)]
    assert [(event.kind, event.target_id, event.wish) for event in given] == [
        ("artist", 3, "never"),
        ("song", 1011, "forget"),
    ]
    assert given[0].until == datetime(2026, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"kind": "song", "id": 4711, "wish": "never"}, 404, "unknown-song"),
        ({"kind": "artist", "id": 4711, "wish": "more"}, 404, "unknown-artist"),
        ({"kind": "genre", "id": 3, "wish": "more"}, 422, "invalid-request"),
        ({"kind": "song", "wish": "more"}, 422, "invalid-request"),
        ({"kind": "song", "id": 1001, "wish": "forget"}, 422, "invalid-request"),
        (
            {"kind": "song", "id": 1001, "wish": "less", "until": "2026-03-01T12:00:00Z"},
            422,
            "runs-out-before",
        ),
        (
            {"kind": "song", "id": 1001, "wish": "less", "until": "9999-01-01T00:00:00Z"},
            422,
            "runs-out-before",
        ),
        (
            {"kind": "song", "id": 1001, "wish": "less", "until": "2026-04-01T12:00:00"},
            422,
            "invalid-request",
        ),
        ({"kind": "song", "id": 1001, "wish": "less", "why": "so"}, 422, "invalid-request"),
    ],
)
async def test_feedback_on_nothing_is_refused(
    client: httpx.AsyncClient, told: dict[str, object], status: int, code: str
) -> None:
    answer = await client.post("/recommendations/feedback", json=told, headers=as_listener(2))

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("about", ["song/1001", "song/x", "genre/rock", "taste/0"])
async def test_feedback_that_was_not_given_cannot_be_taken_back(
    client: httpx.AsyncClient, about: str
) -> None:
    answer = await client.delete(f"/recommendations/feedback/{about}", headers=as_listener(2))

    assert (answer.status_code, answer.json()["code"]) == (404, "no-feedback")


async def test_a_song_whose_influence_is_removed_changes_the_next_feed(
    client: httpx.AsyncClient, engines: Engines, newcomer: int
) -> None:
    headers = as_listener(newcomer)
    RecentSongsSink(open_redis(engines.redis)).apply("s2", [listen(newcomer, 1002)])
    before = (await client.get("/recommendations/taste", headers=headers)).json()

    answers = [
        await client.delete(f"/recommendations/taste/songs/{song}", headers=headers) for song in (1011, 1013)
    ]
    after = (await client.get("/recommendations/taste", headers=headers)).json()
    songs = await songs_of(client, newcomer, limit=3)

    assert [answer.status_code for answer in answers] == [204, 204]
    assert {song["song_id"] for song in before["songs"]} == {1011, 1013, 1002}
    assert {genre["genre"] for genre in before["genres"]} == {"pop", "jazz"}
    assert ([song["song_id"] for song in after["songs"]], sorted(after["forgotten"])) == (
        [1002],
        [1011, 1013],
    )
    assert [genre["genre"] for genre in after["genres"]] == ["pop"]
    assert {song % 2 for song in songs} == {0}


async def test_a_taste_that_is_forgotten_is_none_until_the_next_listen(
    client: httpx.AsyncClient, engines: Engines, newcomer: int
) -> None:
    headers = as_listener(newcomer)

    await client.delete("/recommendations/taste", headers=headers)
    nothing = (await client.get("/recommendations/taste", headers=headers)).json()
    feed = (await client.get("/recommendations", headers=headers)).json()
    later = msgspec.structs.replace(listen(newcomer, 1002), started_at=NOON + timedelta(minutes=1))
    RecentSongsSink(open_redis(engines.redis)).apply("s3", [later])
    taste = (await client.get("/recommendations/taste", headers=headers)).json()

    assert (nothing["songs"], nothing["genres"], nothing["since"]) == ([], [], "2026-03-01T12:00:00Z")
    assert feed["policy"] == "trending"
    assert not {1011, 1013} & {item["song_id"] for item in feed["items"]}
    assert [song["song_id"] for song in taste["songs"]] == [1002]


async def test_a_preview_is_what_the_feed_becomes_and_keeps_nothing(
    client: httpx.AsyncClient, newcomer: int, tmp_path: Path
) -> None:
    headers, change = (
        as_listener(newcomer),
        {"hides": [1039], "loves": [1002], "forgets": [1011], "limit": 10},
    )
    before = await songs_of(client, newcomer, limit=10)

    preview = (await client.post("/recommendations/preview", json=change, headers=headers)).json()
    unchanged = await songs_of(client, newcomer, limit=10)

    assert [item["song_id"] for item in preview["before"]] == before == unchanged
    after = [item["song_id"] for item in preview["after"]]
    assert after != before
    assert not {1039, 1002} & set(after)
    assert set(preview["left"]) == set(before) - set(after)
    assert set(preview["came"]) == set(after) - set(before)
    for moved in preview["moved"]:
        assert (before[moved["before"] - 1], after[moved["after"] - 1]) == (
            moved["song_id"],
            moved["song_id"],
        )
    events = events_on_disk(tmp_path / "event_log")
    assert {type(event) for event in events} <= {SlateServed}


async def test_a_preview_of_a_play_is_the_feed_after_it(
    client: httpx.AsyncClient, engines: Engines, newcomer: int
) -> None:
    headers = as_listener(newcomer)
    preview = await client.post(
        "/recommendations/preview", json={"plays": [1040], "limit": 10}, headers=headers
    )
    RecentSongsSink(open_redis(engines.redis)).apply("s2", [listen(newcomer, 1040)])

    played = await songs_of(client, newcomer, limit=10)

    assert {item["song_id"] for item in preview.json()["after"]} == set(played)


async def test_nobody_steers_without_a_token(client: httpx.AsyncClient) -> None:
    asked = [
        ("POST", "feedback"),
        ("GET", "feedback"),
        ("DELETE", "feedback/song/1001"),
        ("GET", "taste"),
        ("DELETE", "taste"),
        ("DELETE", "taste/songs/1001"),
        ("POST", "preview"),
    ]
    answers = [await client.request(method, f"/recommendations/{path}") for method, path in asked]

    assert {answer.status_code for answer in answers} == {401}
