"""The chart of playlists: everyone's, but for whom a block parts from the one who asks."""

from pathlib import Path

import pytest

from catalog_api.routers import ROUTERS
from gateway.catalog import CatalogOfPlaylists
from serving.trending.boards import Boards
from serving.trending.router import router as trending
from tests.catalog_api.api import Api, serving
from tests.catalog_api.playlists.world import ANN, BOB, EVE, made, settle
from tests.conftest import Engines
from tests.serving.trending.test_trending_api import board, counted

pytestmark = pytest.mark.anyio


async def charted(api: Api, listener: int | None) -> list[str]:
    answer = await api.as_(listener).get("/playlists/trending")
    assert answer.status_code == 200, answer.text
    return [item["owner"] for item in answer.json()["items"]]


async def test_neither_of_two_whom_a_block_parts_sees_the_other_in_it(
    catalog: str, engines: Engines, tmp_path: Path
) -> None:
    async with serving(catalog, engines.redis, tmp_path, routers=[trending, *ROUTERS]) as api:
        settle(api)
        owners = (ANN, BOB, EVE)
        lists = [await made(api.as_(owner), is_public=True, song_ids=[1]) for owner in owners]
        state = api.app.state
        state.trending, state.public_playlists = counted(), CatalogOfPlaylists(state.postgres)
        boards = {"playlists": Boards({(None, None): board(lists, [9, 8, 7])})}
        state.trending.charts.units["playlists", "week", "most_played", "raw"].boards = boards
        before = await charted(api, ANN)

        await api.as_(ANN).put(f"/me/blocks/{BOB}")

        assert before == ["ann", "bob", "eve"]
        assert await charted(api, ANN) == ["ann", "eve"]
        assert await charted(api, BOB) == ["bob", "eve"]
        assert await charted(api, EVE) == await charted(api, None) == before


async def test_a_token_that_is_none_is_refused_for_playlists_alone(
    catalog: str, engines: Engines, tmp_path: Path
) -> None:
    async with serving(catalog, engines.redis, tmp_path, routers=[trending, *ROUTERS]) as api:
        state = api.app.state
        state.trending, state.public_playlists = counted(), CatalogOfPlaylists(state.postgres)
        forged = api.with_headers({"Authorization": "Bearer no.token.here"})

        statuses = [(await forged.get(f"/{of}/trending")).status_code for of in ("playlists", "songs")]

    assert statuses == [401, 200]
