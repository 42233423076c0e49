"""One's own account, what others see of it, preferences, and roles."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from catalog_api.accounts.service import PROFILE
from catalog_api.playback.listeners import ListenersPlaying
from foundation.contracts.events import ListenerChanged, PreferencesChanged
from foundation.ids import UserId
from tests.catalog_api.api import Api, people, serving
from tests.catalog_api.auth.people import bearing, refreshed, signed_in, signed_up
from tests.catalog_api.queries import counted
from tests.catalog_api.world import settle, town

pytestmark = pytest.mark.anyio

DEFAULTS = {"allows_explicit": True, "language": None, "genres": [], "is_private_session": False}


async def test_ones_own_account_is_told_whole_in_one_query(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")

    with counted(api) as queries:
        answer = await api.as_(ann).get("/me")

    told = answer.json()
    assert queries.count == 1
    assert told.pop("created_at")
    assert told == {
        "user_id": ann,
        "email": "ann@example.org",
        "display_name": "ann",
        "country": "NZ",
        "roles": ["user"],
        "subscription_type": "free",
    }


@pytest.mark.parametrize("path", ["/me", "/me/preferences", "/me/subscription"])
async def test_who_is_in_no_table_has_no_account(api: Api, path: str) -> None:
    answer = await api.as_(99).get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "listener-not-found")


async def test_a_move_is_told_to_serving(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")

    answer = await api.as_(ann).patch("/me", json={"country": "DE"})

    (event,) = api.outbox()
    assert (answer.status_code, answer.json()["country"], answer.json()["display_name"]) == (200, "DE", "ann")
    assert isinstance(event, ListenerChanged)
    assert (event.listener_id, event.country, event.origin) == (ann, "DE", "")


async def test_a_move_of_an_imported_listener_keeps_the_name_of_the_source(api: Api) -> None:
    settle(api.catalog, town())
    api.sql("DELETE FROM outbox")

    await api.as_(1).patch("/me", json={"country": "DE"})

    (event,) = api.outbox()
    assert isinstance(event, ListenerChanged)
    assert (event.origin, event.external_id) == ("town", "ann")


@pytest.mark.parametrize(
    "wrong",
    [
        {"roles": ["admin"]},
        {"subscription_type": "premium"},
        {"email": "bob@example.org"},
        {"user_id": 2},
        {"display_name": None},
        {"display_name": "  "},
        {"country": None},
        {"country": "Germany"},
        {"password_hash": "x"},
    ],
)
async def test_nobody_writes_what_the_schema_does_not_name(api: Api, wrong: dict[str, object]) -> None:
    (ann,) = people(api.catalog, "ann")

    answer = await api.as_(ann).patch("/me", json=wrong)

    assert answer.status_code == 422
    assert api.sql("SELECT display_name, country, roles, subscription_type FROM users") == [
        ("ann", "NZ", ["user"], "free")
    ]


async def test_a_change_that_changes_nothing_tells_nobody(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")

    answer = await api.as_(ann).patch("/me", json={})

    assert (answer.status_code, answer.json()["display_name"]) == (200, "ann")
    assert api.outbox() == []


async def test_everybody_sees_a_name_and_since_when_and_no_more(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")

    with counted(api) as queries:
        answers = [await api.as_().get(f"/users/{ann}") for _ in range(3)]
        known = await api.as_().get(f"/users/{ann}", headers={"If-None-Match": answers[0].headers["etag"]})

    assert set(answers[0].json()) == {"user_id", "display_name", "since"}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert (known.status_code, known.content) == (304, b"")
    assert queries.count == 1
    assert await api.app.state.redis.get("user:1:profile") == answers[0].content
    assert 25 * 60 < await api.app.state.redis.ttl("user:1:profile") <= 30 * 60


@pytest.mark.parametrize(("path", "status"), [("/users/99", 404), ("/users/0", 422), ("/users/x", 422)])
async def test_who_is_nobody_is_not_found(api: Api, path: str, status: int) -> None:
    answer = await api.as_().get(path)

    assert answer.status_code == status


async def test_a_new_name_is_seen_at_once_here_and_soon_elsewhere(
    api: Api, own_redis: tuple[str, object], tmp_path: Path
) -> None:
    (ann,) = people(api.catalog, "ann")

    async with serving(api.catalog, own_redis[0], tmp_path / "second") as second:
        before = [await worker.as_().get(f"/users/{ann}") for worker in (api, second)]
        await api.as_(ann).patch("/me", json={"display_name": "Anna"})
        here = await api.as_().get(f"/users/{ann}")
        await asyncio.sleep(0.2)
        there = await second.as_().get(f"/users/{ann}")

    assert [answer.json()["display_name"] for answer in before] == ["ann", "ann"]
    assert [answer.json()["display_name"] for answer in (here, there)] == ["Anna", "Anna"]


async def test_who_was_asked_for_in_vain_is_seen_as_soon_as_they_sign_up(api: Api) -> None:
    before = await api.as_().get("/users/1")

    await signed_up(api)
    after = await api.as_().get(f"/users/{1}")

    assert (before.status_code, after.status_code) == (404, 200)
    assert api.app.state.cache.held(PROFILE.key(1)) is not None


async def test_who_told_no_preferences_has_the_defaults(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")

    with counted(api) as queries:
        answer = await api.as_(ann).get("/me/preferences")

    assert (answer.json(), queries.count) == (DEFAULTS, 1)


async def test_preferences_are_told_to_serving_and_what_is_left_out_stays(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")
    client = api.as_(ann)

    first = await client.patch("/me/preferences", json={"genres": ["Rock", "jazz", "rock"], "language": "en"})
    second = await client.patch(
        "/me/preferences", json={"allows_explicit": False, "is_private_session": True}
    )
    third = await client.patch("/me/preferences", json={"language": None})

    assert first.json() == DEFAULTS | {"genres": ["rock", "jazz"], "language": "en"}
    expected = {
        "allows_explicit": False, "language": None, "genres": ["rock", "jazz"], "is_private_session": True
    }  # fmt: skip
    assert third.json() == expected == second.json() | {"language": None}
    assert (await client.get("/me/preferences")).json() == expected
    events = [event for event in api.outbox() if isinstance(event, PreferencesChanged)]
    assert [(event.allows_explicit, event.language, event.genres) for event in events] == [
        (True, "en", ("rock", "jazz")),
        (False, "en", ("rock", "jazz")),
        (False, "", ("rock", "jazz")),
    ]
    versions = [event.version for event in events]
    assert versions == sorted(set(versions))


@pytest.mark.parametrize(
    "wrong",
    [
        {"allows_explicit": None},
        {"allows_explicit": "perhaps"},
        {"language": "english"},
        {"genres": None},
        {"genres": ["a\nb"]},
        {"genres": ["x" * 65]},
        {"genres": "rock"},
        {"user_id": 2},
    ],
)
async def test_what_is_no_preference_is_refused(api: Api, wrong: dict[str, object]) -> None:
    (ann,) = people(api.catalog, "ann")

    answer = await api.as_(ann).patch("/me/preferences", json=wrong)

    assert answer.status_code == 422
    assert api.outbox() == []


async def test_preferences_of_nobody_are_not_kept(api: Api) -> None:
    answer = await api.as_(99).patch("/me/preferences", json={"language": "en"})

    assert answer.status_code == 404


async def test_new_roles_end_the_tokens_that_say_the_old_ones(api: Api) -> None:
    user_id = await signed_up(api)
    tokens = await signed_in(api)
    admin = api.as_(99, roles=["admin"])

    answer = await admin.put(f"/users/{user_id}/roles", json={"roles": ["analyst", "user", "user"]})

    assert answer.json()["roles"] == ["user", "analyst"]
    assert (await bearing(api, tokens).get("/me")).status_code == 401
    renewed = (await refreshed(api, tokens["refresh_token"])).json()
    assert (await bearing(api, renewed).get("/me")).json()["roles"] == ["user", "analyst"]


@pytest.mark.parametrize("roles", [["user"], ["artist"], ["analyst"], ["user", "artist", "analyst"]])
async def test_only_administrators_give_roles_and_look_people_up(api: Api, roles: list[str]) -> None:
    (ann,) = people(api.catalog, "ann")
    client = api.as_(ann, roles=roles)

    gave = await client.put(f"/users/{ann}/roles", json={"roles": ["admin"]})
    looked = await client.get("/users", params={"email": "ann@example.org"})

    assert (gave.status_code, looked.status_code) == (403, 403)
    assert api.sql("SELECT roles FROM users") == [(["user"],)]


@pytest.mark.parametrize("wrong", [{"roles": []}, {"roles": ["owner"]}, {}, {"roles": "admin"}])
async def test_there_are_four_roles_and_everybody_has_one(api: Api, wrong: dict[str, object]) -> None:
    (ann,) = people(api.catalog, "ann")

    answer = await api.as_(99, roles=["admin"]).put(f"/users/{ann}/roles", json=wrong)

    assert answer.status_code == 422


async def test_an_administrator_finds_an_account_by_its_address(api: Api) -> None:
    people(api.catalog, "ann", "bob")
    admin = api.as_(99, roles=["admin"])

    found = await admin.get("/users", params={"email": "BOB@example.org"})
    nobody = await admin.get("/users", params={"email": "carl@example.org"})
    wrong = await admin.get("/users", params={"email": "bob\x00"})

    assert [(each["user_id"], each["email"]) for each in found.json()["results"]] == [(2, "bob@example.org")]
    assert (nobody.status_code, nobody.json()["results"], nobody.json()["total"]) == (200, [], 0)
    assert wrong.status_code == 422


async def test_the_play_after_a_change_of_preferences_is_as_private_as_that_says(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")
    client = api.as_(ann)
    # As if what Postgres tells were on its way all the time: those that hear it are others.
    listeners = ListenersPlaying(api.app.state.postgres, is_hearing=True)
    api.app.state.playback = replace(api.app.state.playback, listeners=listeners)
    wanted = [turn % 2 == 0 for turn in range(4)]
    found = []

    for is_private in wanted:
        await client.patch("/me/preferences", json={"is_private_session": is_private})
        found.append((await listeners.of(UserId(ann))).is_private)

    assert found == wanted
