import asyncio

import pytest

from foundation.contracts.events import SongChanged
from tests.catalog_api.api import Api
from tests.catalog_api.queries import counted
from tests.catalog_api.works import Works

pytestmark = pytest.mark.anyio

ISRC = "GBUM71029604"
MBID = "0383dadf-2a4e-4d10-a46a-e9e041da8eb3"


@pytest.fixture
def works(api: Api) -> Works:
    return Works(api)


def told(api: Api) -> list[SongChanged]:
    return [event for event in api.outbox() if isinstance(event, SongChanged)]


async def test_a_song_is_told_in_the_shape_of_the_contract(works: Works) -> None:
    await works.genre("rock")
    artist = await works.artist("Queen")
    album = await works.album(artist, "A Night at the Opera")

    made = await works.ann.post(
        "/songs",
        json={
            "artist_id": artist,
            "album_id": album,
            "title": " Bohemian Rhapsody ",
            "genre": "Rock",
            "duration": 354,
            "released_on": "1975-10-31",
            "is_explicit": True,
            "regions": ["NZ", "GB", "NZ"],
            "track_number": 11,
            "external_ids": {"isrc": ISRC, "musicbrainz": MBID},
        },
    )

    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/songs/1")
    assert made.json() == {
        "song_id": 1,
        "title": "Bohemian Rhapsody",
        "artist": {"artist_id": artist, "name": "Queen"},
        "album": {"album_id": album, "title": "A Night at the Opera", "cover_art_url": None},
        "duration": 354,
        "genre": "rock",
        "play_count": 0,
        "released_on": "1975-10-31",
        "is_explicit": True,
        "regions": ["GB", "NZ"],
        "track_number": 11,
        "external_ids": {"isrc": ISRC, "musicbrainz": MBID},
    }
    assert (await works.nobody.get("/songs/1")).json() == made.json()


async def test_a_song_costs_one_query_and_then_none(works: Works) -> None:
    await works.song(await works.artist())

    with counted(works.api) as first:
        await works.nobody.get("/songs/1")
    with counted(works.api) as again:
        await works.nobody.get("/songs/1")

    assert (first.count, again.count) == (1, 0)


async def test_what_is_written_is_told_to_the_rest_of_segue_and_seen_at_once(works: Works) -> None:
    artist = await works.artist("Band")
    song = await works.song(artist, "Dawn", regions=["NZ"])
    await works.nobody.get(f"/songs/{song}")

    changed = await works.ann.patch(f"/songs/{song}", json={"title": "Dusk", "is_explicit": True})
    seen = await works.nobody.get(f"/songs/{song}")

    first, second = told(works.api)
    assert (changed.json()["title"], seen.json()["title"]) == ("Dusk", "Dusk")
    assert (first.title, first.artist, first.regions, first.is_explicit) == ("Dawn", "Band", ("NZ",), False)
    assert (second.title, second.regions, second.is_explicit) == ("Dusk", ("NZ",), True)
    assert second.version > first.version


async def test_what_is_not_sent_stays_and_null_takes_away(works: Works) -> None:
    song = await works.song(await works.artist(), duration=200, track_number=3, external_ids={"isrc": ISRC})

    changed = await works.ann.patch(
        f"/songs/{song}", json={"duration": None, "external_ids": {"isrc": None, "musicbrainz": MBID}}
    )

    assert changed.json()["duration"] is None
    assert changed.json()["track_number"] == 3
    assert changed.json()["external_ids"] == {"musicbrainz": MBID}


async def test_versions_rise_though_the_clock_of_another_machine_is_behind(works: Works) -> None:
    song = await works.song(await works.artist())
    works.api.sql("UPDATE songs SET updated_at = now() + interval '1 hour'")

    await works.ann.patch(f"/songs/{song}", json={"title": "One"})
    await works.ann.patch(f"/songs/{song}", json={"title": "Two"})

    _, one, two = told(works.api)
    assert two.version > one.version


@pytest.mark.parametrize(
    ("who", "status"), [("nobody", 401), ("listener", 403), ("bob", 403), ("ann", 200), ("eve", 200)]
)
async def test_only_its_owner_and_administrators_change_a_song(works: Works, who: str, status: int) -> None:
    song = await works.song(await works.artist())

    changed = await getattr(works, who).patch(f"/songs/{song}", json={"title": "Mine"})
    removed = await getattr(works, who).delete(f"/songs/{song}")

    assert changed.status_code == status
    assert removed.status_code == (204 if status == 200 else status)


async def test_nobody_adds_a_song_to_a_foreign_artist_or_album(works: Works) -> None:
    hers = await works.artist("Hers")
    album = await works.album(hers)
    other = await works.artist("Other")
    his = (await works.bob.post("/artists", json={"name": "His"})).json()["artist_id"]

    foreign = await works.bob.post("/songs", json={"artist_id": hers, "title": "x"})
    elsewhere = await works.bob.post("/songs", json={"artist_id": his, "album_id": album, "title": "x"})
    beside = await works.ann.post("/songs", json={"artist_id": other, "album_id": album, "title": "x"})
    unknown = await works.ann.post("/songs", json={"artist_id": 99, "title": "x"})

    assert [answer.status_code for answer in (foreign, elsewhere, beside, unknown)] == [403, 422, 422, 422]


@pytest.mark.parametrize(
    "told",
    [
        {"title": ""},
        {"title": "a\0b"},
        {"title": None},
        {"duration": 0},
        {"duration": 3601},
        {"genre": "none such"},
        {"regions": ["Atlantis"]},
        {"released_on": "0001-01-01"},
        {"released_on": 0},
        {"released_on": "1000080000"},
        {"external_ids": {"isrc": "nonsense"}},
        {"external_ids": {"musicbrainz": "nonsense"}},
        {"external_ids": {"spotify": "x"}},
        {"play_count": 1_000_000},
        {"artist_id": 2},
    ],
)
async def test_what_makes_no_song_is_refused(works: Works, told: dict[str, object]) -> None:
    song = await works.song(await works.artist())

    answer = await works.ann.patch(f"/songs/{song}", json=told)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_external_id_belongs_to_one_song(works: Works) -> None:
    artist = await works.artist()
    first = await works.song(artist, external_ids={"isrc": ISRC})
    second = await works.song(artist)

    taken = await works.ann.patch(f"/songs/{second}", json={"external_ids": {"isrc": ISRC}})
    kept = await works.ann.patch(f"/songs/{first}", json={"external_ids": {"isrc": ISRC}})
    found = await works.nobody.get(f"/external-ids/isrc/{ISRC}")
    of_artists = await works.nobody.get(f"/external-ids/isrc/{ISRC}?kind=artist")

    assert (taken.status_code, taken.json()["code"]) == (409, "external-id-taken")
    assert kept.status_code == 200
    assert (found.json()["id"], found.json()["url"]) == (first, f"/api/v1/songs/{first}")
    assert of_artists.status_code == 404


async def test_of_two_songs_that_want_one_external_id_at_once_one_gets_it(works: Works) -> None:
    artist = await works.artist()
    songs = [await works.song(artist, str(at)) for at in range(4)]

    answers = await asyncio.gather(
        *(works.ann.patch(f"/songs/{song}", json={"external_ids": {"isrc": ISRC}}) for song in songs)
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_a_removed_song_is_nowhere_any_more(works: Works) -> None:
    artist = await works.artist()
    album = await works.album(artist)
    song = await works.song(artist, album_id=album, external_ids={"isrc": ISRC})
    works.api.sql(
        "INSERT INTO playlists (user_id, name, created_at, updated_at) VALUES (2, 'His', now(), now());"
    )
    works.api.sql(
        "INSERT INTO playlist_songs (playlist_id, song_id, place, added_at) VALUES (1, %s, 1, now())", song
    )
    await works.nobody.get(f"/songs/{song}")
    await works.nobody.get(f"/albums/{album}")

    removed = await works.ann.delete(f"/songs/{song}")

    assert removed.status_code == 204
    assert (await works.nobody.get(f"/songs/{song}")).status_code == 404
    assert (await works.nobody.get(f"/albums/{album}")).json()["songs"] == []
    assert (await works.nobody.get(f"/external-ids/isrc/{ISRC}")).status_code == 404
    assert works.api.sql("SELECT version FROM playlists") == [(2,)]
    assert works.api.sql("SELECT count(*) FROM external_ids") == [(0,)]
    assert told(works.api)[-1].is_removed
    assert told(works.api)[-1].version > told(works.api)[-2].version


async def test_the_same_idempotency_key_makes_one_song(works: Works) -> None:
    artist = await works.artist()
    wanted = {"artist_id": artist, "title": "Dawn"}

    answers = [
        await works.ann.post("/songs", json=wanted, headers={"Idempotency-Key": "one"}) for _ in range(2)
    ]

    assert [answer.json()["song_id"] for answer in answers] == [1, 1]
    assert works.api.sql("SELECT count(*) FROM songs") == [(1,)]


async def test_songs_are_listed_by_artist_album_genre_and_id(works: Works) -> None:
    await works.genre("rock")
    artist = await works.artist()
    album = await works.album(artist)
    first, second, third = [
        await works.song(artist, title, **more)
        for title, more in (("a", {"album_id": album}), ("b", {"genre": "rock"}), ("c", {}))
    ]

    async def listed(query: str) -> tuple[list[int], int | None]:
        with counted(works.api) as queries:
            page = (await works.nobody.get(f"/songs?{query}")).json()
        assert queries.count <= 2
        return [song["song_id"] for song in page["results"]], page["total"]

    assert await listed(f"artist_id={artist}&limit=2") == ([first, second], 3)
    assert await listed(f"artist_id={artist}&limit=2&offset=2") == ([third], 3)
    assert await listed(f"album_id={album}") == ([first], 1)
    assert await listed("genre=rock") == ([second], None)
    assert await listed(f"ids={third}&ids={first}&ids=999") == ([third, first], 2)
    assert await listed(f"ids={third}&ids={second}&genre=rock") == ([second], 1)


@pytest.mark.parametrize("query", ["genre=%00", "artist_id=0", "ids=x", "limit=101", "offset=-1"])
async def test_a_list_that_cannot_be_is_refused(works: Works, query: str) -> None:
    answer = await works.nobody.get(f"/songs?{query}")

    assert answer.status_code == 422


async def test_playlists_that_hold_a_changed_song_are_told_anew(works: Works) -> None:
    song = await works.song(await works.artist())
    works.api.sql(
        "INSERT INTO playlists (user_id, name, created_at, updated_at) VALUES (2, 'His', now(), now())"
    )
    works.api.sql(
        "INSERT INTO playlist_songs (playlist_id, song_id, place, added_at) VALUES (1, %s, 1, now())", song
    )
    await works.api.app.state.redis.set("playlist:1", b"{}")
    await works.ann.patch(f"/songs/{song}", json={"title": "Dusk"})

    assert await works.api.app.state.redis.get("playlist:1") is None
