"""Signing up, signing in, refreshing and signing out, over HTTP."""

import subprocess
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from foundation.contracts.events import ListenerChanged, PreferencesChanged
from foundation.http.sessions import Positions
from tests.catalog_api.api import Api, serving
from tests.catalog_api.auth.people import PASSWORD, bearing, login, refreshed, signed_in, signed_up
from tests.catalog_api.queries import counted

pytestmark = pytest.mark.anyio


async def test_who_signs_up_has_an_account_and_no_tokens_yet(api: Api) -> None:
    answer = await api.as_().post(
        "/auth/register",
        json={
            "email": "Ann@Example.ORG",
            "password": PASSWORD,
            "display_name": " Ann ",
            "country": "NZ",
            "language": "en",
            "genres": ["Rock", "jazz", "rock"],
            "allows_explicit": False,
        },
    )

    told = answer.json()
    assert answer.status_code == 201
    assert told.pop("created_at")
    assert told == {
        "user_id": 1,
        "email": "ann@example.org",
        "display_name": "Ann",
        "country": "NZ",
        "roles": ["user"],
        "subscription_type": "free",
    }
    changed, preferred = api.outbox()
    assert isinstance(changed, ListenerChanged)
    assert (changed.listener_id, changed.country) == (1, "NZ")
    assert isinstance(preferred, PreferencesChanged)
    assert (preferred.allows_explicit, preferred.language, preferred.genres) == (
        False,
        "en",
        ("rock", "jazz"),
    )


async def test_an_address_has_one_account_however_it_is_written(api: Api) -> None:
    await signed_up(api)

    again = await api.as_().post(
        "/auth/register", json={"email": "ANN@example.org", "password": PASSWORD, "display_name": "Ann"}
    )

    assert (again.status_code, again.json()["code"]) == (409, "email-taken")


async def test_a_registration_sent_again_with_its_key_makes_one_account(api: Api) -> None:
    body = {"email": "ann@example.org", "password": PASSWORD, "display_name": "Ann"}

    answers = [
        await api.as_().post("/auth/register", json=body, headers={"Idempotency-Key": "one"}) for _ in "12"
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert api.sql("SELECT count(*) FROM users") == [(1,)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "ann"},
        {"email": "Ann <ann@example.org>"},
        {"email": "a\x00nn@example.org"},
        {"email": "a" * 250 + "@example.org"},
        {"password": "short"},
        {"password": "x" * 257},
        {"password": "zero \x00 inside"},
        {"password": "password1"},
        {"password": "P4ssw0rd!!"},
        {"password": "qwertyuiop"},
        {"password": "ann@example.org"},
        {"display_name": ""},
        {"display_name": "two\nlines"},
        {"country": "nz"},
        {"language": "english"},
        {"genres": ["rock"] * 51},
        {"roles": ["admin"]},
        {"subscription_type": "premium"},
    ],
)
async def test_what_is_no_sign_up_is_refused_and_told_where(api: Api, wrong: dict[str, object]) -> None:
    body = {"email": "ann@example.org", "password": PASSWORD, "display_name": "Ann"} | wrong

    answer = await api.as_().post("/auth/register", json=body)

    assert answer.status_code == 422
    assert next(iter(wrong)) in str(answer.json()["errors"])
    assert PASSWORD not in answer.text
    assert api.sql("SELECT count(*) FROM users") == [(0,)]


async def test_half_a_surrogate_in_a_password_is_refused(api: Api) -> None:
    body = rb'{"email": "ann@example.org", "password": "horses \ud800 horses", "display_name": "Ann"}'

    answers = [
        await api.as_().post(path, content=body, headers={"Content-Type": "application/json"})
        for path in ("/auth/register", "/auth/login")
    ]

    assert [answer.status_code for answer in answers] == [422, 422]


async def test_a_login_answers_as_the_clients_expect(api: Api) -> None:
    user_id = await signed_up(api, country="NZ")

    answer = await login(api)

    told = answer.json()
    assert set(told) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert told["user"] == {"user_id": user_id, "display_name": "ann", "subscription_type": "free"}
    assert (told["expires_in"], told["token_type"]) == (3600, "bearer")
    assert answer.headers["cache-control"] == "no-store"
    claims = jwt.decode(told["access_token"], options={"verify_signature": False})
    assert claims["user_id"] == user_id
    assert (claims["email"], claims["roles"], claims["subscription"]) == ("ann@example.org", ["user"], "free")
    assert claims["sid"] == str(api.sql("SELECT id FROM sessions")[0][0])


async def test_a_login_asks_three_things_and_a_refresh_four(api: Api) -> None:
    await signed_up(api)

    with counted(api) as of_login:
        tokens = await signed_in(api)
    with counted(api) as of_refresh:
        await refreshed(api, tokens["refresh_token"])

    assert of_login.count == 3, of_login.statements
    assert of_refresh.count == 4, of_refresh.statements


async def test_who_signs_up_and_in_and_stays_so_is_asked_of_no_replica_that_is_behind(
    catalog: str, own_redis: tuple[str, "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    """The leader stands for its own replica here: what counts is which positions are remembered."""
    async with serving(catalog, own_redis[0], tmp_path, replica=catalog) as api:
        remembered: Positions = api.app.state.positions
        told: list[str | None] = []

        async def note(user_id: int) -> None:
            told.append(await remembered.of(f"user:{user_id}"))
            remembered._own.clear()
            await api.app.state.redis.delete(f"user:{user_id}:wrote")

        user_id = await signed_up(api)
        await note(user_id)
        tokens = await signed_in(api)
        await note(user_id)
        tokens = (await refreshed(api, tokens["refresh_token"])).json()
        await note(user_id)
        changed = {"current_password": PASSWORD, "new_password": "nine black swans"}
        await bearing(api, tokens).post("/auth/password", json=changed)
        await note(user_id)
        await login(api, password="wrong password")
        await note(user_id)

    assert [position is not None for position in told] == [True, True, True, True, False]


async def test_a_wrong_password_and_an_unknown_address_are_told_alike(api: Api) -> None:
    await signed_up(api)

    wrong, unknown = await login(api, password="eight grey herons"), await login(api, "bob")

    told = [answer.json() for answer in (wrong, unknown)]
    for each in told:
        each.pop("request_id")
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert told[0] == told[1]


async def test_a_listener_who_never_signed_up_cannot_sign_in(api: Api) -> None:
    api.sql("INSERT INTO users (display_name, email) VALUES ('ann', 'ann@example.org')")

    answer = await login(api)

    assert answer.status_code == 401


async def test_no_store_holds_a_password_or_a_refresh_token(api: Api) -> None:
    await signed_up(api)
    tokens = await signed_in(api)

    (kept,) = api.sql("SELECT password_hash FROM users")[0]
    (digest,) = api.sql("SELECT digest FROM refresh_tokens")[0]

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert len(digest) == 32
    assert tokens["refresh_token"].encode() not in bytes(digest)
    assert len(tokens["refresh_token"]) == 43


async def test_a_hash_of_weaker_parameters_is_made_anew_at_the_next_login(api: Api) -> None:
    from argon2 import PasswordHasher

    await signed_up(api)
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    api.sql("UPDATE users SET password_hash = %s", old)

    first, second = await login(api), await login(api)

    (kept,) = api.sql("SELECT password_hash FROM users")[0]
    assert (first.status_code, second.status_code) == (200, 200)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_a_refresh_gives_the_next_pair_and_moves_the_end(api: Api) -> None:
    await signed_up(api)
    tokens = await signed_in(api)
    (first_end,) = api.sql("SELECT expires_at FROM sessions")[0]

    api.clock.push(timedelta(days=20))
    answer = await refreshed(api, tokens["refresh_token"])

    (second_end,) = api.sql("SELECT expires_at FROM sessions")[0]
    assert answer.json()["refresh_token"] != tokens["refresh_token"]
    assert set(answer.json()) == set(tokens)
    assert second_end - first_end > timedelta(days=19)


async def test_what_a_refresh_gives_lets_in(api: Api) -> None:
    user_id = await signed_up(api)
    tokens = await signed_in(api)

    for _ in range(3):
        tokens = (await refreshed(api, tokens["refresh_token"])).json()
    me = await bearing(api, tokens).get("/me")

    assert (me.status_code, me.json()["user_id"]) == (200, user_id)


async def test_a_session_that_is_not_used_ends(api: Api) -> None:
    await signed_up(api)
    tokens = await signed_in(api)

    api.clock.push(timedelta(days=30, seconds=1))
    answer = await refreshed(api, tokens["refresh_token"])

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid-refresh-token")


@pytest.mark.parametrize("token", ["x", "☃", "n1Yp3v0oTz4kUq8Xc5bW7rE2sD9fG6hJ_aLmQwZxCvB"])
async def test_a_refresh_token_of_nobody_is_refused(api: Api, token: str) -> None:
    answer = await refreshed(api, token)

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid-refresh-token")


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(api: Api) -> None:
    await signed_up(api)
    tokens = await signed_in(api)

    as_refresh = await refreshed(api, tokens["access_token"])
    as_access = await api.with_headers({"Authorization": f"Bearer {tokens['refresh_token']}"}).get("/me")

    assert (as_refresh.status_code, as_access.status_code) == (401, 401)


async def test_where_an_edge_is_trusted_its_country_counts_whatever_is_told(api: Api) -> None:
    body = {"password": PASSWORD, "display_name": "Ann"}
    headers = {"CF-IPCountry": "de"}

    untrusted = await api.as_().post(
        "/auth/register", json=body | {"email": "a@example.org"}, headers=headers
    )
    api.app.state.settings = api.app.state.settings.model_copy(
        update={"http": api.app.state.settings.http.model_copy(update={"country_header": "CF-IPCountry"})}
    )
    trusted = await api.as_().post("/auth/register", json=body | {"email": "b@example.org"}, headers=headers)
    told = await api.as_().post(
        "/auth/register", json=body | {"email": "c@example.org", "country": "NZ"}, headers=headers
    )
    unknown = await api.as_().post(
        "/auth/register",
        json=body | {"email": "d@example.org", "country": "NZ"},
        headers={"CF-IPCountry": "XX"},
    )

    countries = [answer.json()["country"] for answer in (untrusted, trusted, told, unknown)]
    assert countries == [None, "DE", "DE", "NZ"]
