from typing import Any

import pytest

from tests.catalog_api.api import Api, people
from tests.catalog_api.playlists.world import ANN, BOB, EVE, made, settle, together

pytestmark = pytest.mark.anyio


async def test_one_who_is_invited_reads_once_they_have_accepted(api: Api) -> None:
    settle(api)
    ann, bob = api.as_(ANN), api.as_(BOB)
    playlist = await made(ann)
    path = f"/playlists/{playlist}"

    invited = await ann.post(f"{path}/members", json={"user_id": BOB, "role": "viewer"})
    asked = (await bob.get("/me/invitations")).json()
    before = await bob.get(path)
    accepted = await bob.post(f"{path}/members/accept")
    again = await bob.post(f"{path}/members/accept")
    after = await bob.get(path)

    assert (invited.status_code, invited.json()["accepted_at"]) == (201, None)
    assert (invited.json()["display_name"], invited.json()["role"]) == ("bob", "viewer")
    assert [(each["playlist_id"], each["owner"]["user_id"], each["role"]) for each in asked["results"]] == [
        (playlist, ANN, "viewer")
    ]
    assert (before.status_code, after.status_code) == (404, 200)
    assert (after.json()["readers"], after.json()["is_collaborative"]) == ([ANN, BOB], False)
    assert (accepted.status_code, again.json()) == (200, accepted.json())
    assert (await bob.get("/me/invitations")).json()["total"] == 0


async def test_nobody_accepts_what_they_are_not_invited_to(api: Api) -> None:
    settle(api)
    playlist = await made(api.as_(ANN))

    answers = [
        await api.as_(BOB).post(f"/playlists/{playlist}/members/accept"),
        await api.as_(ANN).post(f"/playlists/{playlist}/members/accept"),
        await api.as_(BOB).post("/playlists/99/members/accept"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "member-not-found")}
    assert (await api.as_(BOB).get(f"/playlists/{playlist}")).status_code == 404


@pytest.mark.parametrize("blocker", [ANN, BOB])
async def test_blocked_people_invite_nobody(api: Api, blocker: int) -> None:
    settle(api)
    playlist = await made(api.as_(ANN))
    api.sql("INSERT INTO blocks VALUES (%s, %s, now())", blocker, ANN + BOB - blocker)

    answer = await api.as_(ANN).post(f"/playlists/{playlist}/members", json={"user_id": BOB})

    assert (answer.status_code, answer.json()["code"]) == (403, "invitation-refused")


@pytest.mark.parametrize("blocker", [ANN, BOB])
async def test_after_a_block_an_invitation_is_told_no_more_and_cannot_be_accepted(
    api: Api, blocker: int
) -> None:
    settle(api)
    playlist = await made(api.as_(ANN))
    await api.as_(ANN).post(f"/playlists/{playlist}/members", json={"user_id": BOB})

    api.sql("INSERT INTO blocks VALUES (%s, %s, now())", blocker, ANN + BOB - blocker)
    accepted = await api.as_(BOB).post(f"/playlists/{playlist}/members/accept")

    assert (accepted.status_code, accepted.json()["code"]) == (404, "member-not-found")
    assert (await api.as_(BOB).get("/me/invitations")).json() == {
        "results": [],
        "total": 0,
        "limit": 20,
        "offset": 0,
    }


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"user_id": 99}, 404, "listener-not-found"),
        ({"user_id": ANN}, 409, "already-member"),
        ({"user_id": EVE}, 409, "already-member"),
        ({"user_id": BOB, "role": "owner"}, 422, "invalid-request"),
        ({"user_id": BOB, "accepted_at": "2026-01-01"}, 422, "invalid-request"),
    ],
)
async def test_who_cannot_be_invited_is_not(api: Api, said: dict[str, Any], status: int, code: str) -> None:
    settle(api)
    playlist = await made(api.as_(ANN))
    await together(api, playlist, EVE)

    answer = await api.as_(ANN).post(f"/playlists/{playlist}/members", json=said)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_invited_again_before_the_answer_the_later_role_holds(api: Api) -> None:
    settle(api)
    ann, path = api.as_(ANN), f"/playlists/{await made(api.as_(ANN))}/members"

    await ann.post(path, json={"user_id": BOB, "role": "viewer"})
    again = await ann.post(path, json={"user_id": BOB, "role": "editor"})

    assert again.json()["role"] == "editor"
    assert [each["role"] for each in (await ann.get(path)).json()["results"]] == ["editor"]


async def test_a_role_changes_at_once(api: Api) -> None:
    settle(api)
    ann, bob = api.as_(ANN), api.as_(BOB)
    playlist = await made(ann)
    await together(api, playlist, BOB, "editor")
    path = f"/playlists/{playlist}"
    before = (await bob.get(path)).json()["is_collaborative"]

    changed = await ann.patch(f"{path}/members/{BOB}", json={"role": "viewer"})
    edited = await bob.post(f"{path}/songs", json={"song_id": 1})

    assert (changed.status_code, changed.json()["role"]) == (200, "viewer")
    assert (before, (await bob.get(path)).json()["is_collaborative"]) == (True, False)
    assert edited.status_code == 403
    assert (await bob.patch(f"{path}/members/{BOB}", json={"role": "editor"})).status_code == 403
    assert (await ann.patch(f"{path}/members/{EVE}", json={"role": "viewer"})).status_code == 404


async def test_members_leave_and_the_invited_decline_by_themselves(api: Api) -> None:
    settle(api)
    ann, bob, eve = api.as_(ANN), api.as_(BOB), api.as_(EVE)
    playlist = await made(ann)
    path = f"/playlists/{playlist}"
    await together(api, playlist, BOB)
    await ann.post(f"{path}/members", json={"user_id": EVE})

    other = await bob.delete(f"{path}/members/{EVE}")
    left, declined = await bob.delete(f"{path}/members/{BOB}"), await eve.delete(f"{path}/members/{EVE}")
    again = await eve.delete(f"{path}/members/{EVE}")
    owner = await ann.delete(f"{path}/members/{ANN}")

    assert (other.status_code, left.status_code, declined.status_code) == (403, 204, 204)
    assert (again.status_code, owner.status_code) == (404, 404)
    assert (await bob.get(path)).status_code == 404
    assert (await ann.get(f"{path}/members")).json()["total"] == 0


async def test_members_know_each_other_and_strangers_do_not_know_them(api: Api) -> None:
    settle(api)
    playlist = await made(api.as_(ANN), is_public=True)
    await together(api, playlist, BOB, "viewer")

    known = await api.as_(BOB).get(f"/playlists/{playlist}/members")
    stranger = await api.as_(EVE).get(f"/playlists/{playlist}/members")

    assert [each["user_id"] for each in known.json()["results"]] == [BOB]
    assert (stranger.status_code, stranger.json()["code"]) == (403, "not-allowed")


async def test_a_playlist_has_a_hundred_members_and_no_more(api: Api) -> None:
    settle(api)
    playlist = await made(api.as_(ANN))
    more = people(api.catalog, *(f"p{number}" for number in range(100)))
    api.sql(
        "INSERT INTO playlist_members SELECT %s, id, 'viewer', 1, now(), now() FROM users WHERE id = ANY(%s)",
        playlist,
        more,
    )

    answer = await api.as_(ANN).post(f"/playlists/{playlist}/members", json={"user_id": BOB})
    reader = await api.as_(more[-1]).get(f"/playlists/{playlist}")

    assert (answer.status_code, answer.json()["code"]) == (409, "too-many-members")
    assert reader.status_code == 200
