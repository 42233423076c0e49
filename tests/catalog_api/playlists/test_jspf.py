import json
from typing import Any

import pytest

from tests.catalog_api.api import Api
from tests.catalog_api.playlists.world import ANN, BOB, made, order_of, settle, together
from tests.catalog_api.queries import counted

pytestmark = pytest.mark.anyio

RECORDING = "b1a9c0e9-d987-4042-ae91-78d6a3267d69"


def named(api: Api) -> None:
    """Song 1 has an ISRC, and song 2 is known to MusicBrainz."""
    kept = "INSERT INTO external_ids (kind, source, external_id, id) VALUES ('song', %s, %s, %s)"
    api.sql(kept, "isrc", "GBUM71029604", 1)
    api.sql(kept, "musicbrainz", RECORDING, 2)


async def imported(api: Api, *tracks: dict[str, Any], **said: Any) -> dict[str, Any]:
    """What became of a document of Ann's."""
    document = {"playlist": {"title": "Mixtape", "track": list(tracks)} | said}
    answer = await api.as_(ANN).post("/playlists/import", json=document)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_playlist_is_a_document_with_every_name_of_its_songs(api: Api) -> None:
    settle(api)
    named(api)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[2, 1, 3], description="For two.")

    with counted(api) as asked:
        answer = await ann.get(f"/playlists/{playlist}/jspf")

    told = answer.json()["playlist"]
    assert answer.headers["content-type"] == "application/jspf+json"
    assert answer.headers["content-disposition"] == f'attachment; filename="playlist-{playlist}.jspf"'
    assert (told["title"], told["creator"], told["annotation"]) == ("Long drive", "ann", "For two.")
    assert [track["identifier"] for track in told["track"]] == [
        ["urn:segue:song:2", f"https://musicbrainz.org/recording/{RECORDING}"],
        ["urn:segue:song:1", "urn:isrc:GBUM71029604"],
        ["urn:segue:song:3"],
    ]
    assert told["track"][0] | {"identifier": []} == {
        "identifier": [],
        "title": "Song 2",
        "creator": "Queen",
        "album": None,
        "duration": 10_000,
        "trackNum": None,
    }
    assert asked.count == 3


async def test_what_was_exported_is_imported_as_it_was(api: Api) -> None:
    settle(api)
    ann, bob = api.as_(ANN), api.as_(BOB)
    playlist = await made(ann, song_ids=[5, 3, 1], description="For two.")
    await together(api, playlist, BOB, "viewer")

    document = (await bob.get(f"/playlists/{playlist}/jspf")).content
    answer = await bob.post("/playlists/import", content=document)

    told = answer.json()
    assert (told["matched"], told["unmatched"]) == (3, [])
    assert (told["playlist"]["name"], told["playlist"]["description"]) == ("Long drive", "For two.")
    assert (told["playlist"]["is_public"], told["playlist"]["owner"]["user_id"]) == (False, BOB)
    assert await order_of(bob, told["playlist"]["playlist_id"]) == [5, 3, 1]


@pytest.mark.parametrize(
    ("track", "song"),
    [
        ({"identifier": ["urn:segue:song:4"]}, 4),
        ({"identifier": "urn:segue:song:4", "title": " song  4"}, 4),
        ({"location": ["https://elsewhere.example/4.mp3", "http://segue/api/v1/songs/4"]}, 4),
        ({"identifier": ["urn:isrc:gb-um7-10-29604"], "title": "Whatever"}, 1),
        ({"identifier": f"https://musicbrainz.org/recording/{RECORDING.upper()}"}, 2),
        ({"title": "SONG 3", "creator": "queen "}, 3),
        ({"identifier": ["urn:segue:song:4"], "title": "Song 5", "creator": "Queen"}, 5),
        ({"identifier": ["urn:segue:song:99"], "title": "Song 5", "creator": "Queen"}, 5),
        ({"identifier": ["urn:segue:song:4"], "title": "Another Segue's"}, None),
        ({"identifier": ["urn:segue:song:9999999999999999999"]}, None),
        ({"title": "Song 3", "creator": "Quen"}, None),
        ({"title": "Song 3"}, None),
        ({"creator": "Queen"}, None),
        ({}, None),
    ],
)
async def test_a_track_is_found_by_what_names_it(api: Api, track: dict[str, Any], song: int | None) -> None:
    settle(api)
    named(api)

    told = await imported(api, track)

    names = {"title": track.get("title"), "creator": track.get("creator")}
    assert told["matched"] == (0 if song is None else 1)
    assert told["unmatched"] == ([names] if song is None else [])
    assert [each["song_id"] for each in told["playlist"]["songs"]] == ([] if song is None else [song])


async def test_many_tracks_are_found_with_few_questions(api: Api) -> None:
    settle(api, songs=300)
    named(api)
    tracks = [
        *({"identifier": [f"urn:segue:song:{n}"]} for n in range(1, 101)),
        *({"title": f"Song {n}", "creator": "Queen"} for n in range(101, 301)),
        {"identifier": ["urn:isrc:GBUM71029604"]},
        {"identifier": [f"https://musicbrainz.org/recording/{RECORDING}"]},
        {"title": "Song 7", "creator": "Queen"},
    ]

    with counted(api) as asked:
        told = await imported(api, *tracks)

    assert (told["matched"], told["unmatched"], told["playlist"]["song_count"]) == (303, [], 300)
    assert asked.count <= 13


async def test_a_document_without_a_sane_name_gets_one(api: Api) -> None:
    settle(api)

    names = [
        (await imported(api, title=title))["playlist"]["name"]
        for title in (None, " \n\t", "a\nb\u0007c", "x" * 500)
    ]

    assert names == ["Imported playlist", "Imported playlist", "a b c", "x" * 200]


DEEP = b'{"playlist": ' + b'{"track": [' * 50_000
HUGE = b'{"playlist": {"track": [{"duration": ' + b"9" * 50_000 + b', "trackNum": 1e999}]}}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"nonsense",
        b"[]",
        b"null",
        b"{}",
        b'{"playlist": []}',
        b'{"playlist": {"track": {}}}',
        b'{"playlist": {"track": [1]}}',
        b'{"playlist": {"track": [{"title": 7}]}}',
        b'{"playlist": {"track": [{"title": ["x"]}]}}',
        b'{"playlist": {"track": [{"title": "\\u0000"}]}}',
        b'{"playlist": {"track": [{"title": "\\ud800"}]}}',
        b'{"playlist": {"track": [{"identifier": {"a": 1}}]}}',
        b'{"playlist": {"track": [{"identifier": [null]}]}}',
        b'{"playlist": {"title": {}}}',
        b'{"playlist": {"track": [' + b"{}," * 10_000 + b"{}]}}",
        DEEP,
    ],
    ids=range(18),
)
async def test_what_is_no_document_is_refused_with_the_reason(api: Api, body: bytes) -> None:
    settle(api)

    answer = await api.as_(ANN).post("/playlists/import", content=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert answer.json()["errors"][0]["where"].startswith("body")
    assert api.sql("SELECT count(*) FROM playlists") == [(0,)]


async def test_numbers_that_nobody_reads_may_be_as_they_like(api: Api) -> None:
    settle(api)

    answer = await api.as_(ANN).post("/playlists/import", content=HUGE)

    assert answer.status_code in {201, 422}


async def test_a_document_of_more_than_a_megabyte_is_refused(api: Api) -> None:
    settle(api)
    document = json.dumps({"playlist": {"annotation": "x" * 1024 * 1024}})

    answer = await api.as_(ANN).post("/playlists/import", content=document)

    assert (answer.status_code, answer.json()["code"]) == (413, "request-too-large")


async def test_ten_thousand_tracks_that_nobody_knows_are_told_as_such(api: Api) -> None:
    settle(api)
    tracks = [{"title": f"T{n}", "creator": "Q"} for n in range(10_000)]

    told = await imported(api, *tracks)

    assert (told["matched"], len(told["unmatched"])) == (0, 10_000)
