"""Deleting an account: what goes from Postgres at once, what stays, and who may."""

import re
from uuid import UUID

import httpx
import pytest

from catalog_api.account_data.pending import LEFT
from catalog_api.account_data.repository import STEPS
from foundation.contracts.events import BlockChanged, FollowChanged, SongChanged
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
