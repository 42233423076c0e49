"""A song over HTTP: encoded once, known again by its tag, and new for everyone as soon as it changes."""

import asyncio

import pytest

from catalog_api.songs.service import SONG
from tests.catalog_api.api import Api
from tests.catalog_api.world import settle, town

pytestmark = pytest.mark.anyio


async def test_a_song_is_read_once_and_then_known(api: Api) -> None:
    settle(api.catalog, town())
    nobody = api.as_()

    first = await nobody.get("/songs/1")
    held = api.app.state.cache.held(SONG.key(1))
    again = await nobody.get("/songs/1", headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, first.json()["title"]) == (200, "Bohemian Rhapsody")
    assert held is not None
    assert held.body == first.content
    assert (again.status_code, again.content) == (304, b"")


async def test_a_song_that_a_transaction_changed_is_read_anew(api: Api) -> None:
    settle(api.catalog, town())
    await api.as_().get("/songs/1")

    api.sql(
        "BEGIN; UPDATE songs SET title = 'New' WHERE id = 1; SELECT pg_notify('cache', 'song:1:metadata'); COMMIT"
    )
    await asyncio.sleep(0.2)
    after = await api.as_().get("/songs/1")

    assert after.json()["title"] == "New"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/songs/99", 404), ("/songs/0", 422), ("/songs/9223372036854775808", 422), ("/songs/x", 422)],
)
async def test_what_is_no_song_is_refused(api: Api, path: str, status: int) -> None:
    answer = await api.as_().get(path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_bad_token_is_refused_where_none_is_needed(api: Api) -> None:
    answer = await api.with_headers({"Authorization": "Bearer nonsense"}).get("/songs/1")

    assert answer.status_code == 401
