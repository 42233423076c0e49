"""The endpoints of the brief, each asked as the brief asks and compared with the answer that it shows."""

import base64
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from foundation.clock import utc_now
from foundation.http.app import PREFIX
from foundation.ids import UserId
from tests.authorisation import matrix
from tests.authorisation.catalogs import own_catalog
from tests.authorisation.matrix import Gateway
from tests.authorisation.requests import picture
from tests.authorisation.world import PASSWORD, World
from tests.conftest import Engines
from tests.fuzz.platform import publish
from tools.api_docs import BRIEF
from tools.api_document import operations

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SONG = {
    "song_id": 98765,
    "title": "Bohemian Rhapsody",
    "artist": {"artist_id": 111, "name": "Queen"},
    "album": {
        "album_id": 222,
        "title": "A Night at the Opera",
        "cover_art_url": "https://cdn.example.com/covers/222.jpg",
    },
    "duration": 354,
    "play_count": 5_000_000_000,
}
SIGNED_IN = {
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...",
    "refresh_token": "...",
    "expires_in": 3600,
    "user": {"user_id": 12345, "display_name": "John Doe", "subscription_type": "premium"},
}
CLAIMS = {
    "sub": "12345",
    "user_id": 12345,
    "email": "john@example.org",
    "subscription": "premium",
    "roles": ["user"],
    "iat": 1704470400,
    "exp": 1704474000,
}
LYRICS = {
    "song_id": 98765,
    "lyrics": [
        {"start_time": 0.5, "end_time": 3.2, "text": "Is this the real life?"},
        {"start_time": 3.5, "end_time": 6.8, "text": "Is this just fantasy?"},
    ],
}


def assert_like(answer: Any, shown: Any, where: str = "answer") -> None:
    """Every field that the brief shows is there, of the type that it shows; the answer may tell more."""
    if isinstance(shown, dict):
        assert isinstance(answer, dict), where
        for name, value in shown.items():
            assert name in answer, f"{where} has no {name}"
            assert_like(answer[name], value, f"{where}.{name}")
    elif isinstance(shown, list):
        assert isinstance(answer, list), where
        assert answer, f"{where} is empty"
        for each in answer:
            assert_like(each, shown[0], f"{where}[]")
    else:
        assert type(answer) is type(shown), f"{where} is {answer!r}"


@pytest.fixture(scope="module")
async def gateway(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    home: Path = tmp_path_factory.mktemp("brief")
    publish(home)
    with own_catalog(engines) as urls:
        async with matrix.opened(home, urls) as opened:
            yield opened


class Listener:
    """Somebody who asks, below /api/v1."""

    def __init__(self, gateway: Gateway, world: World) -> None:
        self.world, self._gateway = world, gateway
        self._headers = world.headers("owner", gateway.app.state.tokens, utc_now())

    async def ask(self, method: str, path: str, **sent: Any) -> httpx.Response:
        headers = self._headers | sent.pop("headers", {})
        return await self._gateway.client.request(method, PREFIX + path, headers=headers, **sent)


@pytest.fixture
def ann(gateway: Gateway) -> Listener:
    """Who owns everything in a world of her own."""
    return Listener(gateway, gateway.world())


@pytest.fixture
async def tokens(gateway: Gateway, ann: Listener) -> dict[str, Any]:
    """What signing in has given her."""
    told = {"email": ann.world.things["email"], "password": PASSWORD}
    answer = await gateway.client.post(f"{PREFIX}/auth/login", json=told)
    signed_in: dict[str, Any] = answer.json()
    return signed_in


async def test_post_auth_register(gateway: Gateway) -> None:
    told = {"email": "john@example.org", "password": "seven brown horses", "display_name": "John Doe"}

    answer = await gateway.client.post(f"{PREFIX}/auth/register", json=told)

    assert answer.status_code == 201
    assert_like(answer.json(), SIGNED_IN["user"])


async def test_post_auth_login(gateway: Gateway, ann: Listener) -> None:
    told = {"email": ann.world.things["email"], "password": PASSWORD}

    answer = await gateway.client.post(f"{PREFIX}/auth/login", json=told)

    assert answer.status_code == 200
    assert_like(answer.json(), SIGNED_IN)
    assert answer.json()["expires_in"] == 3600
    assert answer.json()["user"]["user_id"] == ann.world.people["owner"]


async def test_a_token_says_what_the_brief_says_that_it_says(tokens: dict[str, Any]) -> None:
    head, claims, _ = tokens["access_token"].split(".")

    told = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, claims)]

    assert told[0]["alg"] == "HS256"
    assert_like(told[1], CLAIMS)
    assert told[1]["exp"] - told[1]["iat"] == 3600


async def test_post_auth_refresh(gateway: Gateway, tokens: dict[str, Any]) -> None:
    told = {"refresh_token": tokens["refresh_token"]}

    answer = await gateway.client.post(f"{PREFIX}/auth/refresh", json=told)

    assert answer.status_code == 200
    assert_like(answer.json(), SIGNED_IN)


async def test_post_auth_logout(ann: Listener, tokens: dict[str, Any]) -> None:
    hers = {"Authorization": f"Bearer {tokens['access_token']}"}

    answer = await ann.ask("POST", "/auth/logout", headers=hers)

    afterwards = await ann.ask("GET", "/me", headers=hers)
    assert [answer.status_code, afterwards.status_code] == [204, 401]


async def test_get_songs_trending(ann: Listener) -> None:
    answer = await ann.ask("GET", "/songs/trending", params={"limit": 50})

    assert answer.status_code == 200
    assert isinstance(answer.json()["items"], list)


async def test_get_recommendations(gateway: Gateway, ann: Listener) -> None:
    token = gateway.app.state.tokens.issue(UserId(1), roles=["user"], now=utc_now())
    known = {"Authorization": f"Bearer {token}"}

    answer = await ann.ask("GET", "/recommendations", params={"user_id": 1, "limit": 20}, headers=known)

    assert answer.status_code == 200
    assert answer.json()["user_id"] == 1
    assert_like(answer.json()["items"], [{"song_id": 1002, "title": "Song 1002", "artist": "Artist 1"}])


async def test_get_songs_song_id(ann: Listener) -> None:
    things = ann.world.things
    await ann.ask(
        "PUT", f"/albums/{things['album_id']}/cover", content=picture(), headers={"content-type": "image/png"}
    )
    await ann.ask("PATCH", f"/songs/{things['song_id']}", json={"duration": 354})

    answer = await ann.ask("GET", f"/songs/{things['song_id']}")

    assert answer.status_code == 200
    assert_like(answer.json(), SONG)


async def test_post_songs_song_id_play(ann: Listener) -> None:
    told = {"play_id": str(uuid4()), "played_ms": 45_000}

    answer = await ann.ask("POST", f"/songs/{ann.world.things['song_id']}/play", json=told)

    assert answer.status_code == 202
    assert answer.json()["song_id"] == ann.world.things["song_id"]


async def test_get_playlists_playlist_id(ann: Listener) -> None:
    answer = await ann.ask("GET", f"/playlists/{ann.world.things['playlist_id']}")

    assert answer.status_code == 200
    assert_like(
        answer.json(), {"playlist_id": 7, "name": "Long drive", "songs": [{"song_id": 98765, "title": "One"}]}
    )


async def test_post_playlists(ann: Listener) -> None:
    answer = await ann.ask("POST", "/playlists", json={"name": "Long drive"})

    assert answer.status_code == 201
    assert_like(answer.json(), {"playlist_id": 7, "name": "Long drive"})


async def test_put_playlists_playlist_id(ann: Listener) -> None:
    playlist = ann.world.things["playlist_id"]

    answer = await ann.ask("PUT", f"/playlists/{playlist}", json={"name": "Longer drive", "is_public": True})

    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["playlist_id"]) == ("Longer drive", playlist)


async def test_delete_playlists_playlist_id(ann: Listener) -> None:
    playlist = ann.world.things["playlist_id"]

    answer = await ann.ask("DELETE", f"/playlists/{playlist}")

    afterwards = await ann.ask("GET", f"/playlists/{playlist}")
    assert [answer.status_code, afterwards.status_code] == [204, 404]


async def test_post_playlists_playlist_id_songs(ann: Listener) -> None:
    things = ann.world.things

    answer = await ann.ask(
        "POST", f"/playlists/{things['playlist_id']}/songs", json={"song_id": things["new_song_id"]}
    )

    assert answer.status_code == 200
    assert answer.json()["song_count"] == 3


async def test_delete_playlists_playlist_id_songs_song_id(ann: Listener) -> None:
    things = ann.world.things

    answer = await ann.ask("DELETE", f"/playlists/{things['playlist_id']}/songs/{things['song_id']}")

    assert answer.status_code == 200
    assert answer.json()["song_count"] == 1


async def test_get_songs_song_id_lyrics(ann: Listener) -> None:
    song = ann.world.things["song_id"]
    lines = "[00:00.50]Is this the real life?\n[00:03.20]\n[00:03.50]Is this just fantasy?\n[00:06.80]"
    await ann.ask("PUT", f"/songs/{song}/lyrics/en", json={"lrc": lines})

    answer = await ann.ask("GET", f"/songs/{song}/lyrics")

    assert answer.status_code == 200
    assert_like(answer.json(), LYRICS)
    assert answer.json()["lyrics"] == LYRICS["lyrics"]


async def test_each_endpoint_that_is_here_has_its_test(gateway: Gateway) -> None:
    known = list(operations(gateway.document))

    missing = [
        row.test for row in BRIEF if row.is_among(known) and not hasattr(sys.modules[__name__], row.test)
    ]

    assert missing == []
