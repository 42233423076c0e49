"""Plays over HTTP: what is accepted stands in the log when it is answered, and what is refused does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from catalog_api.playback.router import BIGGEST_BODY
from catalog_api.playback.router import router as playback_router
from catalog_api.playback.service import open_playback
from catalog_api.songs.router import router as songs_router
from event_log.log import EventLog
from event_log.reading import events_of
from foundation.clock import utc_now
from foundation.contracts.events import PlaybackEvent
from foundation.engines.postgres import Postgres
from foundation.http.problems import speak_problems
from foundation.ids import UserId, new_play_id
from foundation.security import TokenMaker
from tests.catalog_api.world import NOW, settle, town

pytestmark = pytest.mark.anyio
TOKENS = TokenMaker("x" * 32, "segue", "segue-api", timedelta(hours=1))


@dataclass
class Api:
    """The catalog's endpoints on a real catalog and a real log."""

    client: httpx.AsyncClient
    log: EventLog
    folder: Path

    async def play(self, song_id: int = 1, **body: object) -> httpx.Response:
        return await self.client.post(f"/songs/{song_id}/play", json={"play_id": str(uuid4()), **body})

    def told(self) -> list[PlaybackEvent]:
        """What stands in the log; nothing can be told afterwards."""
        self.log.close()
        events = [event for path in sorted(self.folder.glob("*.segment")) for event in events_of(path)]
        return [event for event in events if isinstance(event, PlaybackEvent)]


@pytest.fixture
async def api(pool: Postgres, catalog: str, tmp_path: Path) -> AsyncIterator[Api]:
    settle(catalog, town())
    async with _served(pool, tmp_path / "log") as api:
        yield api


@asynccontextmanager
async def _served(pool: Postgres, folder: Path) -> AsyncIterator[Api]:
    log = EventLog(folder, "api-1", age=timedelta(seconds=30), size=2**20)
    app = FastAPI()
    speak_problems(app)
    app.include_router(playback_router)
    app.include_router(songs_router)
    app.state.postgres, app.state.tokens = pool, TOKENS
    app.state.playback = open_playback(pool, log, lambda: NOW)
    token = TOKENS.issue(UserId(1), roles=["user"], now=utc_now())
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://segue", headers=headers) as client:
        yield Api(client, log, folder)
    log.close()


async def test_a_play_without_a_length_is_a_start(api: Api) -> None:
    play_id = uuid4()

    answer = await api.play(play_id=str(play_id))

    assert answer.status_code == 202
    assert (answer.json()["play_id"], answer.json()["song_id"], answer.json()["kind"]) == (
        str(play_id),
        1,
        "start",
    )
    [told] = api.told()
    assert (told.play_id, told.kind, told.listener_id, told.song_id) == (play_id, "start", 1, 1)
    assert (told.started_at, told.received_at, told.song_ms, told.source) == (NOW, NOW, 354_320, "organic")


async def test_a_play_with_a_length_is_an_end_that_began_so_much_earlier(api: Api) -> None:
    answer = await api.play(played_ms=45_000)

    assert answer.json()["kind"] == "end"
    [told] = api.told()
    assert (told.kind, told.played_ms, told.started_at) == ("end", 45_000, NOW - timedelta(seconds=45))


async def test_a_play_from_a_slate_was_recommended(api: Api) -> None:
    slate_id = uuid4()

    await api.play(slate_id=str(slate_id), position=3, started_at="2026-03-01T10:00:00+02:00")

    [told] = api.told()
    assert (told.source, told.slate_id, told.position) == ("recommended", slate_id, 3)
    assert told.started_at == NOW - timedelta(hours=4)


async def test_a_song_of_unknown_length_may_be_played(api: Api) -> None:
    answer = await api.play(song_id=2)

    assert answer.status_code == 202
    assert [told.song_ms for told in api.told()] == [None]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"song_id": 99}, 404, "song-not-found"),
        ({"song_id": 2**63}, 422, "invalid-request"),
        ({"song_id": 0}, 422, "invalid-request"),
        ({"started_at": "2026-03-01T12:05:01Z"}, 422, "play-out-of-time"),
        ({"started_at": "2026-01-30T11:59:59Z"}, 422, "play-out-of-time"),
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
    api: Api, body: dict[str, object], status: int, code: str
) -> None:
    answer = await api.play(**body)  # type: ignore[arg-type]

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.told() == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"played_ms": 1}'])
async def test_a_body_that_is_no_play_is_refused(api: Api, content: bytes) -> None:
    answer = await api.client.post("/songs/1/play", content=content)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert answer.json()["errors"][0]["where"].startswith("body")


async def test_a_body_sent_again_when_its_id_is_forgotten_is_refused(api: Api) -> None:
    young, old = new_play_id(NOW - timedelta(days=29)), new_play_id(NOW - timedelta(days=46))

    taken, refused = await api.play(play_id=str(young)), await api.play(play_id=str(old), played_ms=45_000)

    assert taken.status_code == 202
    assert (refused.status_code, refused.json()["code"]) == (422, "play-out-of-time")
    assert [told.play_id for told in api.told()] == [young]


async def test_an_id_without_a_time_may_be_anything(api: Api) -> None:
    answers = [await api.play(play_id=str(UUID(int=number))) for number in (0, 1, 2**128 - 1)]

    assert [answer.status_code for answer in answers] == [202, 202, 202]


async def test_a_body_longer_than_any_play_is_refused_by_its_header(api: Api) -> None:
    answer = await api.play(slate_id="x" * BIGGEST_BODY)

    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.told() == []


async def test_a_body_of_unknown_length_is_not_read_to_its_end(api: Api) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * 1024:
            sent += 1024
            yield b" " * 1024

    answer = await api.client.post("/songs/1/play", content=endless())

    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert sent <= BIGGEST_BODY + 2 * 1024


async def test_every_refusal_is_documented_as_a_problem(api: Api) -> None:
    paths = (await api.client.get("/openapi.json")).json()["paths"]

    play = paths["/songs/{song_id}/play"]["post"]["responses"]
    song = paths["/songs/{song_id}"]["get"]["responses"]
    assert set(play) == {"202", "401", "404", "413", "422", "503", "507"}
    assert set(song) == {"200", "404", "422", "503"}
    for refusal in [*(play[status] for status in play if status != "202"), song["422"]]:
        assert list(refusal["content"]) == ["application/problem+json"]


async def test_nobody_plays_without_a_token(api: Api) -> None:
    answer = await api.client.post(
        "/songs/1/play", json={"play_id": str(UUID(int=1))}, headers={"Authorization": ""}
    )

    assert answer.status_code == 401
    assert api.told() == []


async def test_a_closed_log_acknowledges_nothing(api: Api) -> None:
    api.log.close()

    answer = await api.play()

    assert (answer.status_code, answer.json()["code"]) == (503, "log-unavailable")


async def test_a_second_play_of_a_song_asks_postgres_nothing(api: Api, pool: Postgres) -> None:
    first = await api.play()
    await pool.close()

    again = await api.play()

    assert (first.status_code, again.status_code) == (202, 202)
    assert pool.engine.pool.checkedin() == 0  # type: ignore[attr-defined]


async def test_the_song_itself_is_told(api: Api) -> None:
    known, unknown = await api.client.get("/songs/1"), await api.client.get("/songs/99")

    assert known.json()["artist"] == {"artist_id": 1, "name": "Queen"}
    assert known.json()["duration"] == 354
    assert (unknown.status_code, unknown.json()["code"]) == (404, "song-not-found")
