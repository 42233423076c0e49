import pytest

from foundation.contracts.events import SongChanged
from tests.catalog_api.api import Api
from tests.catalog_api.queries import counted
from tests.catalog_api.works import Works

pytestmark = pytest.mark.anyio


@pytest.fixture
def works(api: Api) -> Works:
    return Works(api)


async def test_an_album_is_told_with_its_songs_in_their_order(works: Works) -> None:
    artist = await works.artist("Queen")
    album = await works.album(
        artist, "Innuendo", released_on="1991-02-05", external_ids={"upc": "0050087246235"}
    )
    for title, track in (("bonus", None), ("second", 2), ("first", 1)):
        await works.song(artist, title, album_id=album, track_number=track, duration=100)

    read = (await works.nobody.get(f"/albums/{album}")).json()

    assert [song["title"] for song in read.pop("songs")] == ["first", "second", "bonus"]
    assert read == {
        "album_id": album,
        "title": "Innuendo",
        "artist": {"artist_id": artist, "name": "Queen"},
        "released_on": "1991-02-05",
        "cover_art_url": None,
        "song_count": 3,
        "duration": 300,
        "external_ids": {"upc": "0050087246235"},
    }


async def test_an_album_costs_two_queries_and_then_none(works: Works) -> None:
    artist = await works.artist()
    album = await works.album(artist)
    await works.song(artist, album_id=album)

    with counted(works.api) as first:
        await works.nobody.get(f"/albums/{album}")
    with counted(works.api) as again:
        await works.nobody.get(f"/albums/{album}")

    assert (first.count, again.count) == (2, 0)


async def test_a_new_title_is_seen_and_told_with_its_songs(works: Works) -> None:
    artist = await works.artist()
    album = await works.album(artist, "Old")
    song = await works.song(artist, album_id=album)
    await works.nobody.get(f"/songs/{song}")
    await works.nobody.get(f"/albums/{album}")

    await works.ann.patch(f"/albums/{album}", json={"title": "New"})

    told = [event for event in works.api.outbox() if isinstance(event, SongChanged)]
    assert [event.album for event in told] == ["Old", "New"]
    assert (await works.nobody.get(f"/songs/{song}")).json()["album"]["title"] == "New"
    assert (await works.nobody.get(f"/albums/{album}")).json()["title"] == "New"


async def test_a_song_that_moves_is_gone_from_the_one_album_and_on_the_other(works: Works) -> None:
    artist = await works.artist()
    old, new = await works.album(artist, "Old"), await works.album(artist, "New")
    song = await works.song(artist, album_id=old)
    for album in (old, new):
        await works.nobody.get(f"/albums/{album}")

    await works.ann.patch(f"/songs/{song}", json={"album_id": new})

    counts = [(await works.nobody.get(f"/albums/{album}")).json()["song_count"] for album in (old, new)]
    assert counts == [0, 1]


@pytest.mark.parametrize(
    ("who", "status"), [("nobody", 401), ("listener", 403), ("bob", 403), ("ann", 200), ("eve", 200)]
)
async def test_only_its_owner_and_administrators_change_an_album(works: Works, who: str, status: int) -> None:
    album = await works.album(await works.artist())

    changed = await getattr(works, who).patch(f"/albums/{album}", json={"title": "Mine"})
    removed = await getattr(works, who).delete(f"/albums/{album}")

    assert changed.status_code == status
    assert removed.status_code == (204 if status == 200 else status)


async def test_nobody_adds_an_album_to_a_foreign_artist(works: Works) -> None:
    artist = await works.artist()

    answer = await works.bob.post("/albums", json={"artist_id": artist, "title": "x"})

    assert answer.status_code == 403


async def test_albums_are_listed_of_an_artist_or_of_all(works: Works) -> None:
    artist = await works.artist()
    first, second = await works.album(artist, "a"), await works.album(artist, "b", released_on="2001-01-01")

    theirs = (await works.nobody.get(f"/albums?artist_id={artist}")).json()
    everything = (await works.nobody.get("/albums?limit=1")).json()

    assert ([album["album_id"] for album in theirs["results"]], theirs["total"]) == ([second, first], 2)
    assert ([album["album_id"] for album in everything["results"]], everything["total"]) == ([first], None)
