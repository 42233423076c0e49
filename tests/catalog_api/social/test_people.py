"""Follows, opinions, shares and blocks over HTTP, and what the rest of Segue is told of them."""

import asyncio
from typing import TypeVar

import httpx
import pytest

from foundation.contracts.events import BlockChanged, FollowChanged, OpinionChanged
from foundation.http.pages import sealed
from tests.catalog_api.api import Api, people
from tests.catalog_api.queries import counted
from tests.catalog_api.world import settle, town

pytestmark = pytest.mark.anyio

Told = TypeVar("Told")
ANN, BOB, CAT, QUEEN, RHAPSODY, UNFINISHED = 1, 2, 3, 1, 1, 2


@pytest.fixture
def trio(api: Api) -> Api:
    """Ann, Bob and Cat, and two songs of Queen."""
    settle(api.catalog, town())
    people(api.catalog, "bob", "cat")
    return api


async def test_a_follow_is_there_for_both_ends_until_it_ends(trio: Api) -> None:
    ann, bob = trio.as_(ANN), trio.as_(BOB)

    begun = await ann.put("/me/following/listeners/2")
    mine = (await ann.get("/me/following/listeners")).json()
    theirs = (await bob.get("/users/2/followers")).json()
    seen = (await trio.as_(CAT).get("/users/1/following")).json()
    ended = await ann.delete("/me/following/listeners/2")
    left = (await ann.get("/me/following/listeners")).json()

    assert (begun.status_code, ended.status_code) == (204, 204)
    assert [(each["user_id"], each["display_name"]) for each in mine["results"]] == [(2, "bob")]
    assert [each["user_id"] for each in theirs["results"]] == [1]
    assert seen == mine
    assert left == {"results": [], "next_cursor": None}


async def test_each_change_is_told_once_however_often_it_is_made(trio: Api) -> None:
    ann = trio.as_(ANN)
    trio.sql("DELETE FROM outbox")

    for path in ("/me/following/listeners/2", "/me/following/artists/1"):
        for _ in range(2):
            await ann.put(path)
        for _ in range(2):
            await ann.delete(path)

    told = [(event.kind, event.target_id, event.is_following) for event in events(trio, FollowChanged)]
    versions = [event.version for event in events(trio, FollowChanged)]
    assert told == [
        ("listener", 2, True),
        ("listener", 2, False),
        ("artist", 1, True),
        ("artist", 1, False),
    ]
    assert versions == sorted(set(versions))


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("PUT", "/me/following/listeners/1", 409, "not-yourself"),
        ("PUT", "/me/following/listeners/99", 404, "listener-not-found"),
        ("PUT", "/me/following/listeners/9223372036854775807", 404, "listener-not-found"),
        ("PUT", "/me/following/listeners/9223372036854775808", 422, "invalid-request"),
        ("PUT", "/me/following/artists/99", 404, "artist-not-found"),
        ("PUT", "/me/loves/songs/99", 404, "song-not-found"),
        ("PUT", "/me/hides/artists/99", 404, "artist-not-found"),
        ("PUT", "/me/blocks/99", 404, "listener-not-found"),
        ("PUT", "/me/blocks/1", 409, "not-yourself"),
        ("GET", "/users/99/followers", 404, "listener-not-found"),
        ("GET", "/users/99/activities", 404, "listener-not-found"),
        ("POST", "/me/inbox/99/seen", 404, "share-not-found"),
    ],
)
async def test_what_is_not_there_is_refused(
    trio: Api, method: str, path: str, status: int, code: str
) -> None:
    answer = await trio.as_(ANN).request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("kind", ["listeners", "artists"])
async def test_nothing_to_end_is_no_fault(trio: Api, kind: str) -> None:
    answer = await trio.as_(ANN).delete(f"/me/following/{kind}/99")

    assert answer.status_code == 204


async def test_of_one_who_is_no_more_nothing_is_kept(trio: Api) -> None:
    gone = trio.as_(77)

    answers = [await gone.put("/me/loves/songs/1"), await gone.put("/me/following/artists/1")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert trio.sql("SELECT count(*) FROM song_opinions") == [(0,)]


async def test_a_hide_takes_the_place_of_a_love_and_the_other_way_round(trio: Api) -> None:
    ann = trio.as_(ANN)
    trio.sql("DELETE FROM outbox")

    for path in ("loves", "hides", "hides", "loves"):
        await ann.put(f"/me/{path}/songs/1")
    await ann.delete("/me/hides/songs/1")
    loved, hidden = (await ann.get("/me/loves/songs")).json(), (await ann.get("/me/hides/songs")).json()
    await ann.delete("/me/loves/songs/1")

    assert [song["title"] for song in loved["results"]] == ["Bohemian Rhapsody"]
    assert loved["results"][0]["artist"] == {"artist_id": 1, "name": "Queen"}
    assert hidden["results"] == []
    assert [event.opinion for event in events(trio, OpinionChanged)] == ["love", "hide", "love", ""]


async def test_artists_are_loved_and_hidden_too(trio: Api) -> None:
    ann = trio.as_(ANN)

    await ann.put("/me/loves/artists/1")
    loved = (await ann.get("/me/loves/artists")).json()["results"]
    await ann.put("/me/hides/artists/1")
    hidden = (await ann.get("/me/hides/artists")).json()["results"]
    await ann.delete("/me/hides/artists/1")

    assert [artist["name"] for artist in loved] == [artist["name"] for artist in hidden] == ["Queen"]
    assert (await ann.get("/me/hides/artists")).json()["results"] == []


async def test_the_same_at_once_is_done_once(trio: Api) -> None:
    trio.sql("DELETE FROM outbox")

    answers = await asyncio.gather(
        *(trio.as_(ANN).put(path) for path in ("/me/loves/songs/1", "/me/following/listeners/2") * 8)
    )

    assert {answer.status_code for answer in answers} == {204}
    assert len(events(trio, OpinionChanged)) == len(events(trio, FollowChanged)) == 1


async def test_of_opposites_at_once_the_last_told_is_the_one_that_holds(trio: Api) -> None:
    trio.sql("DELETE FROM outbox")

    await asyncio.gather(
        *(trio.as_(ANN).put(f"/me/{what}/songs/1") for what in ("loves", "hides") * 10),
        *(trio.as_(ANN).delete("/me/loves/songs/1") for _ in range(10)),
    )

    last = max(events(trio, OpinionChanged), key=lambda event: event.version)
    held = trio.sql("SELECT opinion FROM song_opinions WHERE user_id = 1 AND song_id = 1")
    assert held == ([(last.opinion,)] if last.opinion else [])


async def test_lists_go_on_at_their_cursor(trio: Api) -> None:
    ann = trio.as_(ANN)
    trio.sql(
        "INSERT INTO songs (artist_id, title) SELECT 1, 'Song ' || number FROM generate_series(3, 7) AS number"
    )
    trio.sql(
        "INSERT INTO song_opinions SELECT 1, id, 'love', timestamptz '2026-03-01' + id / 3 * interval '1 day' "
        "FROM songs"
    )

    pages, cursor = [], None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await ann.get("/me/loves/songs", params=query)).json()
        pages.append([song["song_id"] for song in page["results"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert pages == [[7, 6], [5, 4], [3, 2], [1]]


@pytest.mark.parametrize(
    "cursor",
    ["x", sealed(1), sealed("a", "b"), sealed(-1, 1), sealed(1, 2**63), sealed(2**63, 1), sealed(1, 0)],
)
@pytest.mark.parametrize("path", ["/me/loves/songs", "/users/2/followers", "/me/blocks"])
async def test_a_cursor_of_somebody_else_is_refused(trio: Api, path: str, cursor: str) -> None:
    answer = await trio.as_(ANN).get(path, params={"cursor": cursor})

    assert answer.status_code == 422


async def test_a_song_goes_to_who_follows_the_sender_and_is_seen(trio: Api) -> None:
    ann, bob = trio.as_(ANN), trio.as_(BOB)
    await bob.put("/me/following/listeners/1")

    sent = await share(ann, message="Hear this")
    inbox = (await bob.get("/me/inbox")).json()["results"]
    seen = [await bob.post(f"/me/inbox/{sent.json()['share_id']}/seen") for _ in range(2)]
    after = (await bob.get("/me/inbox")).json()["results"]
    mine = (await ann.get("/me/shares")).json()["results"]

    assert sent.status_code == 201
    assert (inbox[0]["from_user"]["display_name"], inbox[0]["song"]["title"]) == ("ann", "Bohemian Rhapsody")
    assert (inbox[0]["message"], inbox[0]["seen_at"]) == ("Hear this", None)
    assert [answer.status_code for answer in seen] == [204, 204]
    assert after[0]["seen_at"] is not None
    assert mine == [sent.json()]


async def test_nobody_sees_a_share_for_another(trio: Api) -> None:
    await trio.as_(BOB).put("/me/following/listeners/1")
    sent = (await share(trio.as_(ANN))).json()

    by_cat = await trio.as_(CAT).post(f"/me/inbox/{sent['share_id']}/seen")
    by_ann = await trio.as_(ANN).post(f"/me/inbox/{sent['share_id']}/seen")

    assert (by_cat.status_code, by_ann.status_code) == (404, 404)
    assert (await trio.as_(CAT).get("/me/inbox")).json()["results"] == []


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"to_user_id": 3}, 403, "not-your-follower"),
        ({"to_user_id": 1}, 403, "not-your-follower"),
        ({"to_user_id": 99}, 404, "listener-not-found"),
        ({"song_id": 99}, 404, "song-not-found"),
        ({"message": "\0"}, 422, "invalid-request"),
        ({"message": "x" * 501}, 422, "invalid-request"),
        ({"to_user_id": "2"}, 422, "invalid-request"),
        ({"seen_at": "2026-03-01T12:00:00Z"}, 422, "invalid-request"),
    ],
)
async def test_what_cannot_be_shared_is_refused(
    trio: Api, told: dict[str, object], status: int, code: str
) -> None:
    await trio.as_(BOB).put("/me/following/listeners/1")

    answer = await share(trio.as_(ANN), **told)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_share_with_its_key_is_sent_once(trio: Api) -> None:
    await trio.as_(BOB).put("/me/following/listeners/1")
    told, key = {"to_user_id": 2, "song_id": 1}, {"Idempotency-Key": "share-1"}

    answers = [await trio.as_(ANN).post("/me/shares", json=told, headers=key) for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert trio.sql("SELECT count(*) FROM shares") == [(1,)]


async def test_a_block_ends_follows_in_both_directions_and_forbids_new_ones(trio: Api) -> None:
    ann, bob = trio.as_(ANN), trio.as_(BOB)
    await ann.put("/me/following/listeners/2")
    await bob.put("/me/following/listeners/1")
    await share(ann)
    trio.sql("DELETE FROM outbox")

    blocked = await bob.put("/me/blocks/1")
    told = trio.outbox()
    refused = {
        "follow": await ann.put("/me/following/listeners/2"),
        "followers": await ann.get("/users/2/followers"),
        "following": await ann.get("/users/2/following"),
        "activities": await ann.get("/users/2/activities"),
        "backwards": await bob.get("/users/1/followers"),
    }

    assert blocked.status_code == 204
    assert [type(event) for event in told] == [BlockChanged, FollowChanged, FollowChanged]
    assert {
        name: (answer.status_code, answer.json()["code"]) for name, answer in refused.items()
    } == dict.fromkeys(refused, (404, "listener-not-found"))
    assert (await share(ann)).json()["code"] == "not-your-follower"
    assert (await bob.put("/me/following/listeners/1")).json()["code"] == "blocked-by-you"
    assert (await bob.get("/me/inbox")).json()["results"] == []
    assert [each["user_id"] for each in (await bob.get("/me/blocks")).json()["results"]] == [1]
    assert trio.sql("SELECT count(*) FROM listener_follows") == [(0,)]


async def test_one_who_is_blocked_is_told_the_same_as_of_nobody(trio: Api) -> None:
    ann = trio.as_(ANN)
    await trio.as_(BOB).put("/me/blocks/1")

    blocked, nobody = [(await ann.put(f"/me/following/listeners/{who}")).json() for who in (2, 99)]

    differing = ("request_id", "instance", "detail", "user_id")
    assert [blocked.pop(name, None) and nobody.pop(name, None) for name in differing]
    assert blocked == nobody


async def test_lists_of_others_leave_out_who_blocks_the_viewer(trio: Api) -> None:
    await trio.as_(BOB).put("/me/following/listeners/1")
    await trio.as_(CAT).put("/me/following/listeners/1")
    await trio.as_(BOB).put("/me/blocks/3")

    seen_by_cat = (await trio.as_(CAT).get("/users/1/followers")).json()["results"]
    seen_by_ann = (await trio.as_(ANN).get("/users/1/followers")).json()["results"]

    assert [each["user_id"] for each in seen_by_cat] == [3]
    assert [each["user_id"] for each in seen_by_ann] == [3, 2]


async def test_after_an_unblock_one_may_follow_again(trio: Api) -> None:
    bob = trio.as_(BOB)
    for _ in range(2):
        await bob.put("/me/blocks/1")
    for _ in range(2):
        await bob.delete("/me/blocks/1")

    again = await trio.as_(ANN).put("/me/following/listeners/2")

    assert again.status_code == 204
    assert [event.is_blocked for event in events(trio, BlockChanged)] == [True, False]


async def test_blocks_and_follows_at_once_leave_no_follow_behind(trio: Api) -> None:
    paths = [(ANN, "/me/blocks/2"), (BOB, "/me/blocks/1")]
    paths += [(ANN, "/me/following/listeners/2"), (BOB, "/me/following/listeners/1")] * 5

    answers = await asyncio.gather(*(trio.as_(who).put(path) for who, path in paths))

    assert {answer.status_code for answer in answers} <= {204, 404, 409}
    assert trio.sql("SELECT count(*) FROM listener_follows") == [(0,)]
    assert trio.sql("SELECT count(*) FROM activities") == [(0,)]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/me/following/listeners", 1),
        ("/users/1/followers", 2),
        ("/me/loves/songs", 1),
        ("/me/inbox", 1),
        ("/me/blocks", 1),
    ],
)
async def test_a_list_is_one_question_however_long_it_is(trio: Api, path: str, asked: int) -> None:
    ann, bob = trio.as_(ANN), trio.as_(BOB)
    await ann.put("/me/following/listeners/2")
    await bob.put("/me/following/listeners/1")
    await trio.as_(CAT).put("/me/following/listeners/1")

    with counted(trio) as queries:
        answer = await ann.get(path)

    assert answer.status_code == 200
    assert queries.count == asked


@pytest.mark.parametrize(
    "path", ["/me/following/listeners/2", "/me/following/artists/1", "/me/loves/songs/1"]
)
async def test_a_follow_or_a_love_is_six_statements(trio: Api, path: str) -> None:
    ann = trio.as_(ANN)

    with counted(trio) as new:
        await ann.put(path)
    with counted(trio) as again:
        await ann.put(path)

    assert (new.count, again.count) == (6, 3)


async def test_all_of_it_needs_a_token(trio: Api) -> None:
    nobody = trio.as_()

    answers = [await nobody.get(f"/me/{what}") for what in ("feed", "inbox", "blocks", "loves/songs")]

    assert {answer.status_code for answer in answers} == {401}


async def share(sender: httpx.AsyncClient, **told: object) -> httpx.Response:
    return await sender.post("/me/shares", json={"to_user_id": 2, "song_id": 1} | told)


def events(api: Api, kind: type[Told]) -> list[Told]:
    return [event for event in api.outbox() if isinstance(event, kind)]
