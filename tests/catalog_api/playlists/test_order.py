import asyncio
from itertools import pairwise
from typing import Any

import pytest

from catalog_api.playlists.order.places import GAP
from tests.catalog_api.api import Api
from tests.catalog_api.playlists.world import ANN, BOB, EVE, kept, made, order_of, settle, together
from tests.catalog_api.queries import counted

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("said", "order"),
    [
        ({"song_id": 4}, [1, 2, 3, 4]),
        ({"song_id": 4, "position": 0}, [4, 1, 2, 3]),
        ({"song_id": 4, "position": 2}, [1, 2, 4, 3]),
        ({"song_id": 4, "position": 9}, [1, 2, 3, 4]),
        ({"song_ids": [5, 2, 4, 5], "position": 1}, [1, 5, 4, 2, 3]),
    ],
)
async def test_songs_are_added_where_one_says(api: Api, said: dict[str, Any], order: list[int]) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[1, 2, 3])

    answer = await ann.post(f"/playlists/{playlist}/songs", json=said)

    added = len(order) - 3
    assert answer.json() == {
        "playlist_id": playlist,
        "version": 2,
        "song_count": len(order),
        "added": added,
    }
    assert answer.headers["etag"] == '"2"'
    assert await order_of(ann, playlist) == order


@pytest.mark.parametrize(
    ("said", "order"),
    [
        ({"to": 0}, [2, 1, 3, 4]),
        ({"to": 1}, [1, 2, 3, 4]),
        ({"to": 2}, [1, 3, 2, 4]),
        ({"to": 3}, [1, 3, 4, 2]),
        ({"to": 9}, [1, 3, 4, 2]),
        ({"before": 1}, [2, 1, 3, 4]),
        ({"before": 4}, [1, 3, 2, 4]),
        ({"after": 1}, [1, 2, 3, 4]),
        ({"after": 4}, [1, 3, 4, 2]),
    ],
)
async def test_a_song_is_moved_where_one_says(api: Api, said: dict[str, int], order: list[int]) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[1, 2, 3, 4])

    answer = await ann.post(f"/playlists/{playlist}/songs/2/move", json=said)

    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert await order_of(ann, playlist) == order


async def test_a_song_that_is_there_stays_where_it_is_and_changes_no_version(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[1, 2])

    answer = await ann.post(f"/playlists/{playlist}/songs", json={"song_id": 2, "position": 0})

    assert answer.json() == {"playlist_id": playlist, "version": 1, "song_count": 2, "added": 0}
    assert await order_of(ann, playlist) == [1, 2]


@pytest.mark.parametrize(
    ("method", "path", "said", "status", "code"),
    [
        ("POST", "songs", {"song_id": 99}, 404, "songs-not-found"),
        ("POST", "songs", {"song_ids": [3, 99]}, 404, "songs-not-found"),
        ("POST", "songs", {"song_ids": []}, 422, "invalid-request"),
        ("POST", "songs", {"song_id": 3, "song_ids": [3]}, 422, "invalid-request"),
        ("POST", "songs", {"song_id": 3, "position": 2**70}, 422, "invalid-request"),
        ("DELETE", "songs/3", None, 404, "song-not-in-playlist"),
        ("POST", "songs/3/move", {"to": 0}, 404, "song-not-in-playlist"),
        ("POST", "songs/1/move", {"after": 3}, 404, "song-not-in-playlist"),
        ("POST", "songs/1/move", {"after": 1}, 409, "move-into-itself"),
        ("POST", "songs/1/move", {"to": 0, "after": 2}, 422, "invalid-request"),
        ("POST", "songs/1/move", {}, 422, "invalid-request"),
        ("POST", "songs/1/move", {"to": -1}, 422, "invalid-request"),
    ],
)
async def test_an_edit_that_cannot_be_changes_nothing(
    api: Api, method: str, path: str, said: dict[str, Any] | None, status: int, code: str
) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[1, 2])

    answer = await ann.request(method, f"/playlists/{playlist}/{path}", json=said)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await ann.get(f"/playlists/{playlist}")).json()["version"] == 1
    assert await order_of(ann, playlist) == [1, 2]


async def test_an_edit_of_a_version_that_is_gone_is_refused_with_the_newest(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[1, 2, 3])
    path, stale = f"/playlists/{playlist}", {"If-Match": '"1"'}
    first = await ann.post(f"{path}/songs/3/move", json={"to": 0}, headers=stale)

    refused = [
        await ann.post(f"{path}/songs/3/move", json={"to": 2}, headers=stale),
        await ann.post(f"{path}/songs", json={"song_id": 4}, headers=stale),
        await ann.delete(f"{path}/songs/1", headers=stale),
        await ann.put(path, json={"name": "x"}, headers=stale),
        await ann.patch(path, json={"name": "x"}, headers=stale),
        await ann.delete(path, headers=stale),
    ]
    newest = await ann.delete(f"{path}/songs/1", headers={"If-Match": first.headers["etag"]})

    assert {(each.status_code, each.json()["code"], each.json()["version"]) for each in refused} == {
        (409, "playlist-changed", 2)
    }
    assert newest.json()["version"] == 3
    assert await order_of(ann, playlist) == [3, 2]


async def test_if_match_takes_the_tag_of_what_was_read_too(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[1, 2])
    path = f"/playlists/{playlist}/songs"
    tag = {"If-Match": (await ann.get(f"/playlists/{playlist}")).headers["etag"]}

    met = await ann.post(path, json={"song_id": 3}, headers=tag)
    gone = await ann.post(path, json={"song_id": 4}, headers=tag)
    whatever = await ann.post(path, json={"song_id": 4}, headers={"If-Match": "*"})
    nonsense = await ann.post(path, json={"song_id": 5}, headers={"If-Match": b"\xe9,,"})

    assert [each.status_code for each in (met, gone, whatever, nonsense)] == [200, 409, 200, 409]


async def test_editors_edit_and_viewers_read(api: Api) -> None:
    settle(api)
    playlist = await made(api.as_(ANN), song_ids=[1])
    await together(api, playlist, BOB, "editor")
    await together(api, playlist, EVE, "viewer")
    path = f"/playlists/{playlist}"

    edited = await api.as_(BOB).post(f"{path}/songs", json={"song_id": 2})
    viewed = await api.as_(EVE).post(f"{path}/songs", json={"song_id": 3})
    renamed = await api.as_(BOB).patch(path, json={"name": "Bob's"})
    told = (await api.as_(EVE).get(path)).json()

    assert (edited.status_code, viewed.status_code, renamed.status_code) == (200, 403, 403)
    assert [(song["song_id"], song["added_by"]) for song in told["songs"]] == [(1, ANN), (2, BOB)]
    assert told["is_collaborative"]


@pytest.mark.slow
async def test_songs_put_before_one_another_are_numbered_anew_when_a_gap_is_used_up(api: Api) -> None:
    settle(api, songs=60)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[1, 2])

    for song in range(3, 61):
        await ann.post(f"/playlists/{playlist}/songs", json={"song_id": song, "position": 1})
    places = [place for (place,) in api.sql("SELECT place FROM playlist_songs ORDER BY place")]

    assert kept(api, playlist) == [1, *range(60, 2, -1), 2]
    assert min(right - left for left, right in pairwise(places)) >= 1
    assert places[-1] > GAP  # as the first two were numbered, the last one stood exactly there


async def test_songs_are_numbered_anew_before_their_numbers_run_out(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[1, 2])
    api.sql("UPDATE playlist_songs SET place = 4611686018427387904 WHERE song_id = 2")

    answer = await ann.post(f"/playlists/{playlist}/songs", json={"song_ids": [3, 4]})

    assert answer.status_code == 200
    assert kept(api, playlist) == [1, 2, 3, 4]


@pytest.mark.slow
async def test_a_playlist_holds_ten_thousand_songs_and_no_more(api: Api) -> None:
    settle(api, songs=10_002)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=list(range(1, 10_001)))

    full = await ann.post(f"/playlists/{playlist}/songs", json={"song_id": 10_001})
    there = await ann.post(f"/playlists/{playlist}/songs", json={"song_id": 10_000})
    with counted(api) as asked:
        moved = await ann.post(f"/playlists/{playlist}/songs/10000/move", json={"to": 5000})

    assert (full.status_code, full.json()["code"], full.json()["limit"]) == (409, "playlist-full", 10_000)
    assert there.status_code == 200
    assert moved.json()["song_count"] == 10_000
    assert kept(api, playlist)[5000] == 10_000
    assert asked.count <= 8


async def test_a_song_is_added_by_seven_statements(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[2])

    with counted(api) as asked:
        await ann.post(f"/playlists/{playlist}/songs", json={"song_id": 1})

    assert asked.count == 5


async def test_two_who_add_the_same_song_at_once_add_it_once(api: Api) -> None:
    settle(api)
    playlist = await made(api.as_(ANN))
    await together(api, playlist, BOB)

    answers = await asyncio.gather(
        *(
            api.as_(who).post(f"/playlists/{playlist}/songs", json={"song_id": 1})
            for who in (ANN, BOB, ANN, BOB)
        )
    )

    assert sorted(answer.json()["added"] for answer in answers) == [0, 0, 0, 1]
    assert kept(api, playlist) == [1]


async def test_who_is_let_go_while_waiting_for_the_playlist_edits_it_no_more(api: Api) -> None:
    settle(api)
    playlist = await made(api.as_(ANN))
    await together(api, playlist, BOB)

    async with api.app.state.postgres.writing() as db:
        connection = await db.connection()
        await connection.exec_driver_sql("SELECT 1 FROM playlists FOR UPDATE")
        waiting = asyncio.create_task(api.as_(BOB).post(f"/playlists/{playlist}/songs", json={"song_id": 1}))
        await asyncio.sleep(0.2)
        await connection.exec_driver_sql("DELETE FROM playlist_members")
    answer = await waiting

    assert answer.status_code == 404
    assert kept(api, playlist) == []
