"""Sessions: listed, ended one by one or all but one, and never anybody else's."""

from datetime import timedelta
from uuid import uuid4

import pytest

from catalog_api.auth.service import MOST_SESSIONS
from catalog_api.revocations.service import Revoking, standing
from foundation.clock import utc_now
from foundation.engines.postgres import Postgres
from foundation.http.revocations import Revocations
from foundation.ids import UserId
from tests.catalog_api.api import Api
from tests.catalog_api.auth.people import PASSWORD, bearing, login, refreshed, signed_in, signed_up
from tests.catalog_api.queries import counted

pytestmark = pytest.mark.anyio

NEW = "eight grey herons"


async def test_signing_out_ends_the_session_and_its_access_tokens_at_once(api: Api) -> None:
    await signed_up(api)
    tokens, other = await signed_in(api), await signed_in(api)
    ann = bearing(api, tokens)

    answer = await ann.post("/auth/logout")

    after, elsewhere = await ann.get("/me"), await bearing(api, other).get("/me")
    again = await refreshed(api, tokens["refresh_token"])
    assert answer.status_code == 204
    assert (after.status_code, after.json()["detail"]) == (401, "the token has been revoked")
    assert again.status_code == 401
    assert elsewhere.status_code == 200


async def test_a_token_that_no_sign_in_gave_has_no_session_to_end(api: Api) -> None:
    user_id = await signed_up(api)

    answer = await api.as_(user_id).post("/auth/logout")

    assert (answer.status_code, answer.json()["code"]) == (409, "no-session")


async def test_the_list_tells_where_one_is_signed_in(api: Api) -> None:
    await signed_up(api)
    await signed_in(api)
    tokens = await signed_in(api, device="kitchen radio")
    await signed_up(api, "bob")
    await signed_in(api, "bob")

    with counted(api) as queries:
        answer = await bearing(api, tokens).get("/auth/sessions")

    told = answer.json()
    assert (told["total"], queries.count) == (2, 1)
    assert told["results"][0]["device"] == "kitchen radio"
    assert told["results"][1]["device"].startswith("python-httpx/")
    assert [session["is_current"] for session in told["results"]] == [True, False]
    assert told["results"][0]["address"] == "127.0.0.1"


async def test_a_session_elsewhere_is_ended_at_once(api: Api) -> None:
    await signed_up(api)
    here, lost = await signed_in(api), await signed_in(api)
    ann = bearing(api, here)
    listed = (await bearing(api, lost).get("/auth/sessions")).json()["results"]
    (lost_id,) = [session["session_id"] for session in listed if session["is_current"]]

    first, again = (
        await ann.delete(f"/auth/sessions/{lost_id}"),
        await ann.delete(f"/auth/sessions/{lost_id}"),
    )

    assert (first.status_code, again.status_code) == (204, 404)
    assert (await bearing(api, lost).get("/me")).status_code == 401
    assert (await refreshed(api, lost["refresh_token"])).status_code == 401
    assert (await ann.get("/auth/sessions")).json()["total"] == 1


async def test_beyond_a_hundred_the_session_ends_that_was_not_used_for_longest(api: Api) -> None:
    user_id = await signed_up(api)
    oldest, used = await signed_in(api), await signed_in(api)
    api.sql(
        "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) "
        "SELECT gen_random_uuid(), %s, now(), now() + n * interval '1 ms', now() + interval '1 day' "
        "FROM generate_series(1, %s) AS n",
        user_id,
        MOST_SESSIONS - 2,
    )
    used = (await refreshed(api, used["refresh_token"])).json()
    api.sql("UPDATE sessions SET last_used_at = now() + interval '1 hour' WHERE last_used_at <> created_at")

    newest = await signed_in(api)

    listed = (await bearing(api, newest).get("/auth/sessions")).json()
    access = [(await bearing(api, each).get("/me")).status_code for each in (oldest, used, newest)]
    assert listed["total"] == MOST_SESSIONS
    assert access == [401, 200, 200]
    assert (await refreshed(api, oldest["refresh_token"])).status_code == 401
    assert api.sql("SELECT revoked_because FROM sessions WHERE revoked_at IS NOT NULL") == [("crowded",)]


async def test_more_sessions_end_at_once_than_a_statement_has_parameters(pool: Postgres) -> None:
    ended = [uuid4() for _ in range(40_000)]

    async with pool.writing() as db:
        await Revoking(db, Revocations(), utc_now, timedelta(hours=1)).sessions(ended)

    async with pool.reading() as db:
        assert len(await standing(db, utc_now())) == len(ended)


async def test_a_token_of_a_machine_whose_clock_is_ahead_ends_with_its_session(api: Api) -> None:
    user_id = await signed_up(api)
    tokens = await signed_in(api)
    (session_id,) = api.sql("SELECT id FROM sessions")[0]
    ahead = api.app.state.tokens.issue(UserId(user_id), roles=["user"], now=utc_now(), session_id=session_id)

    api.clock.push(-timedelta(seconds=30))
    await bearing(api, tokens).post("/auth/logout")

    answer = await bearing(api, {"access_token": ahead}).get("/me")
    assert (answer.status_code, answer.json()["detail"]) == (401, "the token has been revoked")


@pytest.mark.parametrize("roles", [["user"], ["admin"]])
async def test_nobody_ends_the_session_of_another(api: Api, roles: list[str]) -> None:
    await signed_up(api)
    tokens = await signed_in(api)
    bob = await signed_up(api, "bob")
    (session_id,) = api.sql("SELECT id FROM sessions")[0]

    answers = [
        await api.as_(bob, roles=roles).delete(f"/auth/sessions/{each}") for each in (session_id, uuid4())
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert {answer.json()["code"] for answer in answers} == {"session-not-found"}
    assert (await bearing(api, tokens).get("/me")).status_code == 200


async def test_another_password_ends_every_other_session(api: Api) -> None:
    await signed_up(api)
    here, lost = await signed_in(api), await signed_in(api)

    answer = await bearing(api, here).post(
        "/auth/password", json={"current_password": PASSWORD, "new_password": NEW}
    )

    assert answer.status_code == 204
    assert (await bearing(api, lost).get("/me")).status_code == 401
    assert (await refreshed(api, lost["refresh_token"])).status_code == 401
    assert (await bearing(api, here).get("/me")).status_code == 200
    assert (await refreshed(api, here["refresh_token"])).status_code == 200
    assert (await login(api)).status_code == 401
    assert (await login(api, password=NEW)).status_code == 200


@pytest.mark.parametrize(
    ("current", "new", "status", "code"),
    [
        ("not my password", NEW, 403, "wrong-password"),
        (PASSWORD, "password123", 422, "weak-password"),
        (PASSWORD, "short", 422, "invalid-request"),
    ],
)
async def test_a_change_of_password_needs_the_old_one_and_a_good_one(
    api: Api, current: str, new: str, status: int, code: str
) -> None:
    await signed_up(api)
    tokens = await signed_in(api)

    answer = await bearing(api, tokens).post(
        "/auth/password", json={"current_password": current, "new_password": new}
    )

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await login(api)).status_code == 200
