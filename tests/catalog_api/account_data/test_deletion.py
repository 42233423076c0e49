"""Deleting an account: what goes from Postgres at once, what stays, and who may."""

import re
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from catalog_api.account_data.pending import LEFT
from catalog_api.account_data.repository import STEPS
from catalog_api.auth.passwords import Passwords
from foundation.clock import utc_now
from foundation.contracts.events import BlockChanged, FollowChanged, PlaylistChanged, SongChanged
from foundation.ids import UserId
from foundation.settings import Accounts
from tests.catalog_api.account_data.town import ANN, BOB, left_of, settle
from tests.catalog_api.api import Api, people

pytestmark = pytest.mark.anyio


async def deleted(client: httpx.AsyncClient, password: str | None = None) -> httpx.Response:
    body = None if password is None else {"password": password}
    return await client.request("DELETE", "/me", json=body)


async def test_nothing_of_a_deleted_person_is_left_in_any_table(api: Api) -> None:
    settle(api)

    answer = await deleted(api.as_(ANN))

    assert answer.status_code == 202, answer.text
    assert answer.json()["receipt_url"] == answer.headers["location"]
    assert left_of(api, ANN) == {}


async def test_the_receipt_counts_every_row_that_went(api: Api) -> None:
    settle(api)
    tables = {table for table, _ in STEPS}
    before = {table: api.sql(f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608

    answer = await deleted(api.as_(ANN))

    receipt = (await api.as_().get(f"/deletions/{answer.json()['deletion_id']}")).json()
    gone = {
        table: before[table] - api.sql(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608
        for table in tables
    }
    assert receipt["removed"] == {"postgres": {table: count for table, count in gone.items() if count}}
    assert receipt["removed"]["postgres"].keys() == tables
    assert receipt["finished_at"] is None


async def test_what_others_made_stays(api: Api) -> None:
    settle(api)
    his = left_of(api, BOB)

    await deleted(api.as_(ANN))

    about_her = ("listener_follows", "blocks", "shares", "playlist_members", "activities")
    assert {what: count for what, count in left_of(api, BOB).items() if not what.startswith(about_her)} == {
        what: count
        for what, count in his.items()
        if not what.startswith(
            (*about_her, "song_opinions", "artist_opinions", "artist_follows", "playlist_songs")
        )
    } | {
        "song_opinions: user_id = 2": 1,
        "artist_opinions: user_id = 2": 1,
        "artist_follows: follower_id = 2": 1,
    }
    assert api.sql("SELECT id, title, album_id, play_count FROM songs ORDER BY id") == [
        (2, "Guest", None, 7),
        (3, "His 1", 2, 9),
    ]
    assert api.sql("SELECT song_id, added_by FROM playlist_songs WHERE playlist_id = 2") == [(3, None)]
    assert api.sql("SELECT version FROM playlists WHERE id = 2") == [(2,)]
    assert api.sql("SELECT count(*) FROM listening_history WHERE user_id = 2") == [(3,)]
    assert api.sql("SELECT count(*) FROM idempotency_keys") == [(1,)]


async def test_answers_about_lists_of_others_name_nobody_who_is_gone(api: Api) -> None:
    settle(api)
    (hers,) = people(api.catalog, "cora")
    api.sql(
        "INSERT INTO playlists (user_id, name, is_public, created_at, updated_at) VALUES (2, 'A', true, now(), now())"
    )
    api.sql("INSERT INTO playlist_songs VALUES (3, 3, 10, %s, now())", hers)
    api.sql("INSERT INTO playlist_members VALUES (2, %s, 'editor', 2, now(), now())", hers)
    bob = api.as_(BOB)
    before = [await bob.get(f"/playlists/{each}") for each in (2, 3)]

    await deleted(api.as_(hers))

    after = [await bob.get(f"/playlists/{each}") for each in (2, 3)]
    assert hers in before[0].json()["readers"]
    assert hers not in after[0].json()["readers"]
    assert [each.json()["songs"][0]["added_by"] for each in (before[1], after[1])] == [hers, None]
    assert all(old.headers["etag"] != new.headers["etag"] for old, new in zip(before, after, strict=True))


async def test_answers_kept_by_a_key_go_with_whom_they_are_about(api: Api) -> None:
    body = {"email": "cy@example.org", "password": "seven brown horses", "display_name": "Cy"}
    registered = await api.as_().post("/auth/register", json=body, headers={"Idempotency-Key": "one"})
    cy = registered.json()["user_id"]
    (dora,) = people(api.catalog, "dora")
    made = await api.as_(dora).post("/playlists", json={"name": "Both"}, headers={"Idempotency-Key": "two"})
    members = f"/playlists/{made.json()['playlist_id']}/members"
    await api.as_(cy).put(f"/me/following/listeners/{dora}")
    invited = await api.as_(dora).post(members, json={"user_id": cy}, headers={"Idempotency-Key": "three"})
    about = api.sql("SELECT key, about FROM idempotency_keys ORDER BY created_at")

    answer = await deleted(api.as_(cy), "seven brown horses")

    receipt = (await api.as_().get(f"/deletions/{answer.json()['deletion_id']}")).json()
    assert invited.status_code == 201, invited.text
    assert about == [("one", cy), ("two", None), ("three", cy)]
    assert api.sql("SELECT key FROM idempotency_keys") == [("two",)]
    assert receipt["removed"]["postgres"]["idempotency_keys"] == 2


async def test_a_token_of_a_machine_whose_clock_is_ahead_ends_with_the_account(api: Api) -> None:
    settle(api)
    ahead = api.app.state.tokens.issue(UserId(ANN), roles=["user"], now=utc_now())

    api.clock.push(-timedelta(seconds=30))
    await deleted(api.as_(ANN))

    answer = await api.with_headers({"Authorization": f"Bearer {ahead}"}).get("/me")
    assert (answer.status_code, answer.json()["detail"]) == (401, "the token has been revoked")


async def test_a_password_that_nobody_could_check_is_no_wrong_one(api: Api) -> None:
    body = {"email": "cy@example.org", "password": "seven brown horses", "display_name": "Cy"}
    cy = (await api.as_().post("/auth/register", json=body)).json()["user_id"]
    api.app.state.passwords = Passwords(Accounts(), at_once=0, waiting=0)

    answers = [(await deleted(api.as_(cy), "eight grey herons")).status_code for _ in range(12)]

    assert answers == [503] * 12


async def test_the_tokens_of_a_deleted_account_end_at_once(api: Api) -> None:
    settle(api)
    client = api.as_(ANN)

    first, second = await deleted(client), await deleted(client)

    assert (first.status_code, second.status_code) == (202, 401)


async def test_serving_and_the_warehouse_are_told(api: Api) -> None:
    settle(api)

    await deleted(api.as_(ANN))

    told = api.outbox()
    assert [
        (each.listener_id, each.target_id, each.is_following)
        for each in told
        if isinstance(each, FollowChanged)
    ] == [(BOB, ANN, False)]
    assert [(each.listener_id, each.blocked_id) for each in told if isinstance(each, BlockChanged)] == [
        (BOB, ANN)
    ]
    assert [
        (each.song_id, each.is_removed, each.title) for each in told if isinstance(each, SongChanged)
    ] == [(1, True, "")]
    gone = [(each.playlist_id, each.is_public) for each in told if isinstance(each, PlaylistChanged)]
    assert gone == [(playlist, False) for playlist in range(1, len(gone) + 1)]
    assert gone


async def test_an_account_with_a_password_is_deleted_by_who_knows_it(api: Api) -> None:
    registered = await api.as_().post(
        "/auth/register",
        json={"email": "cy@example.org", "password": "seven brown horses", "display_name": "Cy"},
    )
    (user,) = api.sql("SELECT id FROM users")[0]
    client = api.as_(user)

    without, wrong = await deleted(client), await deleted(client, "eight grey herons")
    right = await deleted(client, "seven brown horses")

    assert registered.status_code == 201, registered.text
    assert (without.status_code, without.json()["code"]) == (403, "password-needed")
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong-password")
    assert right.status_code == 202
    assert left_of(api, user) == {}


async def test_guessing_the_password_is_counted(api: Api) -> None:
    (user,) = people(api.catalog, "dora")
    api.sql(
        "UPDATE users SET password_hash = '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA' WHERE id = %s",
        user,
    )
    client = api.as_(user)

    answers = [(await deleted(client, "seven brown horses")).status_code for _ in range(12)]

    assert answers[:10] == [403] * 10
    assert answers[10:] == [429] * 2


async def test_a_receipt_of_nothing_is_not_found(api: Api) -> None:
    unknown = await api.as_().get(f"/deletions/{UUID(int=7)}")
    odd = await api.as_().get("/deletions/seven")

    assert (unknown.status_code, odd.status_code) == (404, 422)


async def test_every_table_that_refers_to_people_is_counted(api: Api) -> None:
    """A new table with a foreign key must be entered into the steps, or its rows would go uncounted."""
    referring = api.sql(
        "SELECT DISTINCT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND confdeltype = 'c'"
    )
    loose = api.sql(
        "SELECT DISTINCT relname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relkind IN ('r', 'p') AND NOT relispartition AND attname ~ '(^|_)(user_id|listener_id)$' AND attnum > 0 "
        "AND relnamespace = 'public'::regnamespace"
    )

    known = {table for table, _ in (*STEPS, *LEFT)} | {"deletions"}
    assert {table for (table,) in [*referring, *loose]} - known == set()


async def test_steps_name_each_table_once_and_by_parameters_alone(api: Api) -> None:
    tables = [table for table, _ in STEPS]

    assert len(tables) == len(set(tables))
    assert all(re.search(r":\w+", which) for _, which in STEPS)
