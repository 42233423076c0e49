import pytest

from event_log.reading import events_of
from foundation.contracts.events import SearchMade, SongChanged
from tests.catalog_api.api import Api
from tests.catalog_api.queries import counted
from tests.catalog_api.works import ANN, BOB, Works

pytestmark = pytest.mark.anyio

MBID = "0383dadf-2a4e-4d10-a46a-e9e041da8eb3"


@pytest.fixture
def works(api: Api) -> Works:
    return Works(api)


async def test_an_artist_belongs_to_who_made_them(works: Works) -> None:
    made = await works.ann.post(
        "/artists", json={"name": "Queen", "country": "GB", "external_ids": {"musicbrainz": MBID}}
    )

    read = await works.nobody.get("/artists/1")
    mine = await works.ann.get("/me/artists")
    his = await works.bob.get("/me/artists")
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/artists/1")
    assert read.json() == made.json()
    assert made.json() == {
        "artist_id": 1,
        "name": "Queen",
        "country": "GB",
        "biography": "",
        "song_count": 0,
        "album_count": 0,
        "external_ids": {"musicbrainz": MBID},
    }
    assert [artist["name"] for artist in mine.json()["results"]] == ["Queen"]
    assert (his.json()["results"], his.json()["total"]) == ([], 0)


async def test_whoever_looks_for_a_name_has_searched(works: Works) -> None:
    await works.artist("Queen")

    await works.ann.get("/artists?name=QUEEN")
    await works.ann.get("/artists?name=QUEEN&offset=20")
    await works.nobody.get("/artists?name=Abba")
    await works.nobody.get("/artists")

    works.api.log.close()
    folder = works.api.app.state.settings.log_dir
    told = [event for path in sorted(folder.glob("*.segment")) for event in events_of(path)]
    searches = [event for event in told if isinstance(event, SearchMade)]
    assert [(event.listener_id, event.query, event.kind, event.results) for event in searches] == [
        (ANN, "queen", "artists", 1),
        (0, "abba", "artists", 0),
    ]


async def test_an_artist_costs_one_query_and_then_none(works: Works) -> None:
    artist = await works.artist()

    with counted(works.api) as first:
        await works.nobody.get(f"/artists/{artist}")
    with counted(works.api) as again:
        await works.nobody.get(f"/artists/{artist}")

    assert (first.count, again.count) == (1, 0)


async def test_a_new_name_is_seen_and_told_with_every_song(works: Works) -> None:
    artist = await works.artist("Old")
    album = await works.album(artist)
    songs = [await works.song(artist, "a", album_id=album), await works.song(artist, "b")]
    for path in (f"/artists/{artist}", f"/albums/{album}", *(f"/songs/{song}" for song in songs)):
        await works.nobody.get(path)

    await works.ann.patch(f"/artists/{artist}", json={"name": "New"})

    told = [event for event in works.api.outbox() if isinstance(event, SongChanged)][-2:]
    seen = [(await works.nobody.get(f"/songs/{song}")).json()["artist"]["name"] for song in songs]
    assert [(event.song_id, event.artist) for event in told] == [(songs[0], "New"), (songs[1], "New")]
    assert seen == ["New", "New"]
    assert (await works.nobody.get(f"/artists/{artist}")).json()["name"] == "New"
    assert (await works.nobody.get(f"/albums/{album}")).json()["artist"]["name"] == "New"


async def test_counts_follow_songs_and_albums(works: Works) -> None:
    artist = await works.artist()
    await works.nobody.get(f"/artists/{artist}")

    album = await works.album(artist)
    song = await works.song(artist, album_id=album)
    full = (await works.nobody.get(f"/artists/{artist}")).json()
    refused = [await works.ann.delete(f"/{path}") for path in (f"albums/{album}", f"artists/{artist}")]
    await works.ann.delete(f"/songs/{song}")
    removed = [await works.ann.delete(f"/{path}") for path in (f"albums/{album}", f"artists/{artist}")]

    assert (full["song_count"], full["album_count"]) == (1, 1)
    assert [answer.json()["code"] for answer in refused] == ["album-not-empty", "artist-not-empty"]
    assert [answer.status_code for answer in removed] == [204, 204]
    assert (await works.nobody.get(f"/artists/{artist}")).status_code == 404


@pytest.mark.parametrize(
    ("who", "status"), [("nobody", 401), ("listener", 403), ("bob", 403), ("ann", 200), ("eve", 200)]
)
async def test_only_their_owner_and_administrators_change_an_artist(
    works: Works, who: str, status: int
) -> None:
    artist = await works.artist()

    changed = await getattr(works, who).patch(f"/artists/{artist}", json={"biography": "x"})
    removed = await getattr(works, who).delete(f"/artists/{artist}")

    assert changed.status_code == status
    assert removed.status_code == (204 if status == 200 else status)


async def test_an_administrator_says_whose_an_artist_is(works: Works) -> None:
    artist = (await works.eve.post("/artists", json={"name": "Imported"})).json()["artist_id"]

    refused = await works.ann.put(f"/artists/{artist}/owner", json={"user_id": ANN})
    unknown = await works.eve.put(f"/artists/{artist}/owner", json={"user_id": 99})
    before = await works.bob.patch(f"/artists/{artist}", json={"name": "His"})
    given = await works.eve.put(f"/artists/{artist}/owner", json={"user_id": BOB})
    after = await works.bob.patch(f"/artists/{artist}", json={"name": "His"})

    assert [answer.status_code for answer in (refused, unknown, before, given, after)] == [
        403,
        422,
        403,
        200,
        200,
    ]


async def test_who_is_no_more_makes_no_artist(works: Works) -> None:
    ghost = works.api.as_(99, roles=["artist"])

    made = await ghost.post("/artists", json={"name": "Ghost"})

    assert made.status_code == 403


async def test_an_artists_songs_come_by_plays_and_albums_by_date(works: Works) -> None:
    artist = await works.artist()
    songs = [await works.song(artist, title) for title in "abc"]
    albums = [
        await works.album(artist, day, **({"released_on": day} if day else {}))
        for day in ("1999-01-01", "2001-01-01")
    ]
    works.api.sql("UPDATE songs SET play_count = 10 * id")

    with counted(works.api) as queries:
        top = (await works.nobody.get(f"/artists/{artist}/songs?limit=2")).json()
    newest = (await works.nobody.get(f"/artists/{artist}/albums")).json()
    missing = [await works.nobody.get(f"/artists/99/{what}") for what in ("songs", "albums")]

    assert [song["song_id"] for song in top["results"]] == [songs[2], songs[1]]
    assert (top["total"], queries.count) == (3, 3)
    assert [album["album_id"] for album in newest["results"]] == albums[::-1]
    assert [answer.status_code for answer in missing] == [404, 404]


async def test_artists_are_found_by_name_in_whatever_case(works: Works) -> None:
    await works.artist("Sigur Rós")
    await works.artist("Queen")

    named = (await works.nobody.get("/artists", params={"name": "SIGUR RÓS"})).json()
    everybody = (await works.nobody.get("/artists")).json()

    assert ([artist["name"] for artist in named["results"]], named["total"]) == (["Sigur Rós"], 1)
    assert (len(everybody["results"]), everybody["total"]) == (2, None)
