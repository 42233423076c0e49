import asyncio

import pytest

from tests.catalog_api.api import Api
from tests.catalog_api.queries import counted
from tests.catalog_api.works import Works
from tests.catalog_api.world import settle, town

pytestmark = pytest.mark.anyio


@pytest.fixture
def works(api: Api) -> Works:
    return Works(api)


async def test_genres_are_listed_by_name_and_then_known(works: Works) -> None:
    await works.genre("Rock")
    await works.genre("art rock", "ROCK")

    first = await works.nobody.get("/genres")
    with counted(works.api) as queries:
        again = await works.nobody.get("/genres", headers={"If-None-Match": first.headers["etag"]})

    assert first.json() == {
        "results": [{"name": "art rock", "parent": "rock"}, {"name": "rock", "parent": None}],
        "total": 2,
    }
    assert (again.status_code, queries.count) == (304, 0)


async def test_a_genre_in_use_stays(works: Works) -> None:
    for name, parent in (("rock", None), ("art rock", "rock"), ("pop", None)):
        await works.genre(name, parent)
    await works.song(await works.artist(), genre="pop")

    answers = [
        await works.eve.delete(f"/genres/{name}") for name in ("rock", "pop", "art rock", "rock", "polka")
    ]

    assert [answer.status_code for answer in answers] == [409, 409, 204, 204, 404]
    assert [genre["name"] for genre in (await works.nobody.get("/genres")).json()["results"]] == ["pop"]


@pytest.mark.parametrize(("who", "status"), [("nobody", 401), ("listener", 403), ("ann", 403), ("eve", 201)])
async def test_only_administrators_change_the_genres(works: Works, who: str, status: int) -> None:
    made = await getattr(works, who).post("/genres", json={"name": "polka"})
    removed = await getattr(works, who).delete("/genres/polka")

    assert made.status_code == status
    assert removed.status_code == (204 if status == 201 else status)


async def test_a_genre_is_there_once_and_is_a_kind_of_one_there_is(works: Works) -> None:
    await works.genre("polka")

    again = await works.eve.post("/genres", json={"name": "POLKA"})
    itself = await works.eve.post("/genres", json={"name": "polka", "parent": "polka"})
    orphan = await works.eve.post("/genres", json={"name": "ska", "parent": "none such"})

    assert itself.json()["code"] == "genre-exists"
    assert (again.json()["code"], orphan.json()["code"]) == ("genre-exists", "genre-unknown")


async def test_a_genre_is_not_removed_while_a_song_takes_it(works: Works) -> None:
    await works.genre("polka")
    artist = await works.artist()

    for _ in range(10):
        song, removed = await asyncio.gather(
            works.ann.post("/songs", json={"artist_id": artist, "title": "x", "genre": "polka"}),
            works.eve.delete("/genres/polka"),
        )
        assert (song.status_code, removed.status_code) in {(201, 409), (422, 204)}
        if removed.status_code == 204:
            await works.genre("polka")

    lost = works.api.sql("SELECT count(*) FROM songs WHERE genre NOT IN (SELECT name FROM genres)")
    assert lost == [(0,)]


async def test_the_genres_of_an_import_are_listed(works: Works) -> None:
    settle(works.api.catalog, town())

    names = [genre["name"] for genre in (await works.nobody.get("/genres")).json()["results"]]

    assert names == ["rock"]
