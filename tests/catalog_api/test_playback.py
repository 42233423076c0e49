"""Plays over HTTP: what is accepted stands in the log when it is answered, and what is refused does not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from uuid import UUID, uuid4

import httpx
import pytest

from catalog_api.playback.router import BIGGEST_BODY
from event_log.reading import events_of
from foundation.contracts.events import PlaybackEvent
from foundation.ids import new_play_id
from tests.catalog_api.api import Api
from tests.catalog_api.queries import counted
from tests.catalog_api.world import settle, town

pytestmark = pytest.mark.anyio


@dataclass
class Playing:
    """Ann, who plays, and the log that is told of it."""

    api: Api
    client: httpx.AsyncClient

    async def play(self, song_id: int = 1, **body: object) -> httpx.Response:
        return await self.client.post(f"/songs/{song_id}/play", json={"play_id": str(uuid4()), **body})

    def at(self, **offset: float) -> str:
        """A moment as far from now."""
        return (self.api.clock() + timedelta(**offset)).isoformat()

    def told(self) -> list[PlaybackEvent]:
        """What stands in the log; nothing can be told afterwards."""
        self.api.log.close()
        folder = self.api.app.state.settings.log_dir
        events = [event for path in sorted(folder.glob("*.segment")) for event in events_of(path)]
        return [event for event in events if isinstance(event, PlaybackEvent)]


@pytest.fixture
async def ann(api: Api) -> Playing:
    settle(api.catalog, town())
    return Playing(api, api.as_(1))


async def test_a_play_without_a_length_is_a_start(ann: Playing) -> None:
    play_id = uuid4()

    answer = await ann.play(play_id=str(play_id))

    assert answer.status_code == 202
    assert (answer.json()["play_id"], answer.json()["song_id"], answer.json()["kind"]) == (
        str(play_id),
        1,
        "start",
    )
    [told] = ann.told()
    assert (told.play_id, told.kind, told.listener_id, told.song_id) == (play_id, "start", 1, 1)
    assert (told.started_at, told.song_ms, told.source) == (told.received_at, 354_320, "organic")
    assert abs(told.received_at - ann.api.clock()) < timedelta(seconds=5)


async def test_a_play_with_a_length_is_an_end_that_began_so_much_earlier(ann: Playing) -> None:
    answer = await ann.play(played_ms=45_000)

    assert answer.json()["kind"] == "end"
    [told] = ann.told()
    assert (told.kind, told.played_ms) == ("end", 45_000)
    assert told.received_at - told.started_at == timedelta(seconds=45)


async def test_a_play_from_a_slate_was_recommended(ann: Playing) -> None:
    slate_id = uuid4()

    began = datetime.fromisoformat(ann.at(hours=-4)).astimezone(timezone(timedelta(hours=2)))

    await ann.play(slate_id=str(slate_id), position=3, started_at=began.isoformat())

    [told] = ann.told()
    assert (told.source, told.slate_id, told.position) == ("recommended", slate_id, 3)
    assert told.started_at == began


async def test_a_play_says_which_playlist_it_came_from_and_a_private_one_does_not(ann: Playing) -> None:
    await ann.play(playlist_id=7)
    await ann.client.post(
        "/plays", json={"plays": [{"song_id": 1, "play_id": str(uuid4()), "playlist_id": 8}]}
    )
    refused = await ann.play(playlist_id=0)
    ann.api.sql("INSERT INTO preferences (user_id, is_private_session) VALUES (1, true)")
    ann.api.app.state.playback.listeners.forget(1)
    await ann.play(playlist_id=9)

    assert refused.status_code == 422
    assert [told.playlist_id for told in ann.told()] == [7, 8, None]


async def test_a_song_of_unknown_length_may_be_played(ann: Playing) -> None:
    answer = await ann.play(song_id=2)

    assert answer.status_code == 202
    assert [told.song_ms for told in ann.told()] == [None]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"song_id": 99}, 404, "song-not-found"),
        ({"song_id": 2**63}, 422, "invalid-request"),
        ({"song_id": 0}, 422, "invalid-request"),
        ({"started_at": "2026-03-01T12:00:00"}, 422, "invalid-request"),
        ({"started_at": "yesterday"}, 422, "invalid-request"),
        ({"played_ms": -1}, 422, "invalid-request"),
        ({"played_ms": 86_400_001}, 422, "invalid-request"),
        ({"played_ms": "45"}, 422, "invalid-request"),
        ({"played_ms": 1.5}, 422, "invalid-request"),
        ({"position": 65_536}, 422, "invalid-request"),
        ({"play_id": "one"}, 422, "invalid-request"),
        ({"play_id": None}, 422, "invalid-request"),
        ({"listener_id": 2}, 422, "invalid-request"),
    ],
)
async def test_what_is_no_play_is_refused_and_not_told(
    ann: Playing, body: dict[str, object], status: int, code: str
) -> None:
    answer = await ann.play(**body)  # type: ignore[arg-type]

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert ann.told() == []


@pytest.mark.parametrize("offset", [timedelta(minutes=5, seconds=10), timedelta(days=-30, seconds=-10)])
async def test_a_play_out_of_time_is_refused(ann: Playing, offset: timedelta) -> None:
    answer = await ann.play(started_at=ann.at(seconds=offset.total_seconds()))

    assert (answer.status_code, answer.json()["code"]) == (422, "play-out-of-time")
    assert ann.told() == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"played_ms": 1}'])
async def test_a_body_that_is_no_play_is_refused(ann: Playing, content: bytes) -> None:
    answer = await ann.client.post("/songs/1/play", content=content)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert answer.json()["errors"][0]["where"].startswith("body")


async def test_a_body_sent_again_when_its_id_is_forgotten_is_refused(ann: Playing) -> None:
    now = ann.api.clock()
    young, old = new_play_id(now - timedelta(days=29)), new_play_id(now - timedelta(days=46))

    taken, refused = await ann.play(play_id=str(young)), await ann.play(play_id=str(old), played_ms=45_000)

    assert taken.status_code == 202
    assert (refused.status_code, refused.json()["code"]) == (422, "play-out-of-time")
    assert [told.play_id for told in ann.told()] == [young]


async def test_an_id_without_a_time_may_be_anything(ann: Playing) -> None:
    answers = [await ann.play(play_id=str(UUID(int=number))) for number in (0, 1, 2**128 - 1)]

    assert [answer.status_code for answer in answers] == [202, 202, 202]


async def test_a_body_longer_than_any_play_is_refused_by_its_header(ann: Playing) -> None:
    answer = await ann.play(slate_id="x" * BIGGEST_BODY)

    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert answer.headers["content-type"] == "application/problem+json"
    assert ann.told() == []


async def test_a_body_of_unknown_length_is_not_read_to_its_end(ann: Playing) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * 1024:
            sent += 1024
            yield b" " * 1024

    answer = await ann.client.post("/songs/1/play", content=endless())

    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert sent <= BIGGEST_BODY + 2 * 1024


async def test_every_refusal_is_documented_as_a_problem(ann: Playing) -> None:
    paths = ann.api.app.openapi()["paths"]

    answers = paths["/api/v1/songs/{song_id}/play"]["post"]["responses"]
    refusals = {status: answer for status, answer in answers.items() if status != "202"}
    assert {"401", "404", "413", "422", "503", "507"} <= set(refusals)
    assert all(list(refusal["content"]) == ["application/problem+json"] for refusal in refusals.values())


async def test_nobody_plays_without_a_token(ann: Playing) -> None:
    answer = await ann.api.as_().post("/songs/1/play", json={"play_id": str(UUID(int=1))})

    assert answer.status_code == 401
    assert ann.told() == []


async def test_a_closed_log_acknowledges_nothing(ann: Playing) -> None:
    ann.api.log.close()

    answer = await ann.play()

    assert (answer.status_code, answer.json()["code"]) == (503, "log-unavailable")


async def test_a_second_play_of_a_song_asks_postgres_nothing(ann: Playing) -> None:
    with counted(ann.api) as first:
        await ann.play()
    with counted(ann.api) as again:
        answer = await ann.play()

    assert answer.status_code == 202
    assert (first.count, again.count) == (2, 0)


async def test_a_play_carries_the_country_of_its_listener(ann: Playing) -> None:
    await ann.play()

    [told] = ann.told()
    assert (told.country, told.is_private) == ("NZ", False)


async def test_a_play_of_a_private_session_says_so(ann: Playing) -> None:
    ann.api.sql("INSERT INTO preferences (user_id, is_private_session) VALUES (1, true)")

    await ann.play()

    assert [told.is_private for told in ann.told()] == [True]


async def test_a_heartbeat_says_how_far_a_play_has_come(ann: Playing) -> None:
    told = {"play_id": str(uuid4()), "played_ms": 31_000}

    beat = await ann.client.post("/songs/1/heartbeat", json=told)
    pause = await ann.client.post("/songs/1/heartbeat", json=told | {"played_ms": 45_000, "is_paused": True})
    lacking = await ann.client.post("/songs/1/heartbeat", json={"play_id": told["play_id"]})

    assert [answer.status_code for answer in (beat, pause, lacking)] == [202, 202, 422]
    assert (beat.json()["kind"], pause.json()["kind"]) == ("heartbeat", "pause")
    assert [(play.kind, play.played_ms) for play in ann.told()] == [("heartbeat", 31_000), ("pause", 45_000)]


async def test_an_end_says_why(ann: Playing) -> None:
    skipped = await ann.play(played_ms=5_000, reason="skipped")
    strange = await ann.play(played_ms=5_000, reason="bored")

    assert (skipped.status_code, strange.status_code) == (202, 422)
    assert [play.reason for play in ann.told()] == ["skipped"]


async def test_of_a_batch_what_can_be_taken_is_on_disk_and_the_rest_is_named(ann: Playing) -> None:
    plays = [
        {"song_id": 1, "play_id": str(uuid4())},
        {"song_id": 99, "play_id": str(uuid4()), "played_ms": 1},
        {"song_id": 2, "play_id": str(uuid4()), "played_ms": 40_000, "reason": "finished"},
        {"song_id": 2, "play_id": str(uuid4()), "played_ms": 40_000, "started_at": ann.at(days=-40)},
        {"song_id": 1, "play_id": str(uuid4()), "played_ms": 31_000, "kind": "heartbeat"},
    ]

    answer = await ann.client.post("/plays", json={"plays": plays})

    told = answer.json()
    assert (answer.status_code, told["accepted"]) == (202, 3)
    assert [(each["index"], each["code"]) for each in told["refused"]] == [
        (1, "song-not-found"),
        (3, "play-out-of-time"),
    ]
    assert [(play.song_id, play.kind) for play in ann.told()] == [(1, "start"), (2, "end"), (1, "heartbeat")]


async def test_a_batch_asks_postgres_once_for_all_its_songs(ann: Playing) -> None:
    plays = [{"song_id": 1 + number % 2, "play_id": str(uuid4())} for number in range(1000)]

    with counted(ann.api) as first:
        answer = await ann.client.post("/plays", json={"plays": plays})
    with counted(ann.api) as second:
        await ann.client.post("/plays", json={"plays": plays})

    assert answer.json() == {"accepted": 1000, "refused": []}
    assert (first.count, second.count) == (2, 0)  # the songs, and the listener


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"plays": []},
        {"plays": [{"song_id": 1}]},
        {"plays": [{"song_id": 0, "play_id": str(UUID(int=1))}]},
        {"plays": [{"song_id": 1, "play_id": str(UUID(int=1)), "kind": "heartbeat"}]},
        {"plays": [{"song_id": 1, "play_id": str(UUID(int=1))}] * 1001},
    ],
)
async def test_what_is_no_batch_is_refused_whole(ann: Playing, body: dict[str, object]) -> None:
    answer = await ann.client.post("/plays", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert ann.told() == []
