"""GET /songs/trending and its like over HTTP: what may be asked, and what is told from memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from foundation.engines.clickhouse import open_clickhouse_reader_async
from foundation.http.app import make_app
from serving.trending.boards import Board, Boards
from serving.trending.names import Album, Named
from serving.trending.playlists import PublicPlaylist
from serving.trending.router import router as trending
from serving.trending.schemas import OF, SOURCES, Of
from serving.trending.service import Trending
from serving.trending.windows import Span

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOWHERE = "http://reader:secret@127.0.0.1:9/segue"  # nothing listens on the discard port


def board(ids: list[int], heard: list[int]) -> Board:
    nothing = np.zeros(len(ids), np.int64)
    return Board(np.array(ids), np.array(heard), nothing, nothing, sum(heard), 0, 0)


def counted() -> Trending:
    """What a process holds in which the songs of this week were counted at noon."""
    made = Trending(lambda: open_clickhouse_reader_async(NOWHERE), lambda: NOON)
    charts = made.charts
    charts.names.songs = {7: Named("Air", 1, "Star", 70, "Pop"), 8: Named("Été", 2, "Ann", 80, "Jazz")}
    charts.names.artists = {1: "Star", 2: "Ann"}
    charts.names.albums = {70: Album("Moon", 1, "Star"), 80: Album("Sun", 2, "Ann")}
    for source in SOURCES:
        unit = charts.units[source, "week", "most_played", "raw"]
        unit.span, unit.until, unit.is_behind = Span.at("week", NOON), NOON, False
    every, jazz = (None, None), ("jazz", "FR")
    charts.units["listens", "week", "most_played", "raw"].boards = {
        "songs": Boards({every: board([7, 8], [9, 5]), jazz: board([8], [5])}),
        "artists": Boards({every: board([1, 2], [9, 5]), jazz: board([2], [5])}),
        "albums": Boards({every: board([70, 80], [9, 5]), jazz: board([80], [5])}),
    }
    charts.units["playlists", "week", "most_played", "raw"].boards = {
        "playlists": Boards({every: board([3, 4, 5], [9, 8, 7]), jazz: board([4], [5])})
    }
    charts.units["searches", "week", "most_played", "raw"].boards = {
        "searches": Boards({every: board([11], [6])}, texts={11: "été"})
    }
    return made


class Catalog:
    """Knows which playlists are public: 3 and 5, unless told otherwise."""

    def __init__(self, *public: int) -> None:
        self.public = public

    async def public_among(self, playlist_ids: Sequence[int]) -> dict[int, PublicPlaylist]:
        return {
            each: PublicPlaylist(f"List {each}", 12, "Ann") for each in playlist_ids if each in self.public
        }


@asynccontextmanager
async def serving(
    made: Trending, public: Sequence[int] = (3, 5)
) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.trending, app.state.public_playlists = made, Catalog(*public)
        yield

    app = make_app(title="t", description="", version="0", routers=[trending], lifespan=lifespan)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://segue/api/v1") as client,
    ):
        yield app, client


async def test_a_chart_is_told_from_memory_by_genre_and_region_in_any_case() -> None:
    async with serving(counted()) as (_, client):
        every = (await client.get("/songs/trending?limit=1")).json()
        some = (await client.get("/songs/trending?genre=JAZZ&region=fr")).json()
        artists = (await client.get("/artists/trending?genre=jazz&region=FR")).json()

    assert (every["since"], every["until"]) == ("2026-02-22T12:00:00Z", "2026-03-01T12:00:00Z")
    assert (every["window"], every["stale"], every["listens"]) == ("week", False, 14)
    assert [(item["rank"], item["title"], item["listens"]) for item in every["items"]] == [(1, "Air", 9)]
    assert [(item["song_id"], item["artist"]) for item in some["items"]] == [(8, "Ann")]
    assert (some["genre"], some["region"]) == ("jazz", "FR")
    assert [(item["artist_id"], item["artist"], item["listens"]) for item in artists["items"]] == [
        (2, "Ann", 5)
    ]


async def test_what_nobody_listens_to_is_an_empty_chart_and_what_was_not_counted_a_stale_one() -> None:
    async with serving(counted()) as (_, client):
        unknown = await client.get("/songs/trending?genre=polka&region=ZZ")
        uncounted = await client.get("/songs/trending?window=hour&kind=rising&view=cleaned")

    assert (unknown.status_code, unknown.json()["items"], unknown.json()["stale"]) == (200, [], False)
    assert (uncounted.status_code, uncounted.json()["items"], uncounted.json()["stale"]) == (200, [], True)


async def test_albums_are_charted_by_their_songs() -> None:
    async with serving(counted()) as (_, client):
        every = (await client.get("/albums/trending")).json()
        some = (await client.get("/albums/trending?genre=Jazz&region=fr")).json()

    assert [(item["album"], item["artist"], item["listens"]) for item in every["items"]] == [
        ("Moon", "Star", 9),
        ("Sun", "Ann", 5),
    ]
    assert [item["album_id"] for item in some["items"]] == [80]


async def test_a_playlist_that_is_private_by_now_is_in_no_answer_and_leaves_no_gap() -> None:
    made = counted()
    async with serving(made) as (_, client):
        before = (await client.get("/playlists/trending?limit=2")).json()
    async with serving(made, public=[5]) as (_, client):
        after = await client.get("/playlists/trending?limit=2")

    assert [(item["rank"], item["playlist_id"], item["name"]) for item in before["items"]] == [
        (1, 3, "List 3"),
        (2, 5, "List 5"),
    ]
    assert [(item["rank"], item["playlist_id"]) for item in after.json()["items"]] == [(1, 5)]
    assert "List 3" not in after.text
    assert "List 4" not in after.text


async def test_searches_are_charted_by_what_was_asked_and_have_no_genre() -> None:
    async with serving(counted()) as (_, client):
        every = (await client.get("/searches/trending")).json()
        refused = await client.get("/searches/trending?genre=jazz")

    assert [(item["query"], item["listens"]) for item in every["items"]] == [("été", 6)]
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request")


@pytest.mark.parametrize("of", OF)
@pytest.mark.parametrize(
    "asked", ["window=year", "kind=best", "view=nice", "region=NZL", "region=1", "limit=0", "limit=101"]
)
async def test_what_there_is_not_is_refused(of: Of, asked: str) -> None:
    async with serving(counted()) as (_, client):
        answer = await client.get(f"/{of}/trending?{asked}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_the_same_answer_is_encoded_once_until_the_next_look() -> None:
    made = counted()

    async with serving(made) as (_, client):
        await client.get("/songs/trending")
        kept = dict(made.charts.answers)
        await client.get("/songs/trending")
        again = dict(made.charts.answers)
        await made.charts.look()

    assert [*kept.values()] == [*again.values()]
    assert len(kept) == 1
    assert made.charts.answers == {}


async def test_the_answers_are_what_the_documentation_says() -> None:
    async with serving(counted()) as (app, client):
        for path in (f"/{of}/trending" for of in OF):
            told = (await client.get(path)).json()
            documented = app.openapi()["paths"][f"/api/v1{path}"]["get"]["responses"]

            schema = documented["200"]["content"]["application/json"]["schema"]
            assert set(schema["properties"]) == set(told)
            assert set(schema["properties"]["items"]["items"]["properties"]) == set(told["items"][0])
            assert "422" in documented
