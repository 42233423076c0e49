"""Tokens that do not hold are refused at real endpoints, each for its own reason (RFC 8725)."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from foundation.clock import utc_now
from foundation.errors import Unconfigured
from foundation.ids import UserId, new_id
from foundation.settings import Settings, token_secret
from tests.catalog_api.api import SECRET, Api
from tests.catalog_api.auth.people import bearing, signed_in, signed_up

pytestmark = pytest.mark.anyio


def made(
    key: Any = SECRET, algorithm: str = "HS256", header: dict[str, Any] | None = None, **changed: object
) -> str:
    """A token as ours, with these claims changed; None leaves one out."""
    now = utc_now()
    claims: dict[str, object] = {
        "sub": "1", "user_id": 1, "email": "ann@example.org", "subscription": "free", "roles": ["user"],
        "iat": int(now.timestamp()), "exp": int((now + timedelta(hours=1)).timestamp()),
        "iss": "segue", "aud": "segue-api", "jti": str(new_id(now)),
    }  # fmt: skip
    kept = {name: value for name, value in (claims | changed).items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers={"typ": "at+jwt"} | (header or {}))


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def with_header(**changed: object) -> str:
    """A genuine token whose header was changed afterwards."""
    header, claims, signature = made().split(".")
    told = json.loads(base64.urlsafe_b64decode(header + "=="))
    return f"{part(told | changed)}.{claims}.{signature}"


def with_claims(**changed: object) -> str:
    """A genuine token whose claims were changed afterwards."""
    header, claims, signature = made().split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return f"{header}.{part(told | changed)}.{signature}"


def unsigned(algorithm: str) -> str:
    _, claims, _ = made().split(".")
    return f"{part({'alg': algorithm, 'typ': 'at+jwt'})}.{claims}."


def by_rsa() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made(key=pem.decode(), algorithm="RS256")


HOUR = timedelta(hours=1)
FORGED: dict[str, Callable[[], str]] = {
    "algorithm none": lambda: unsigned("none"),
    "algorithm None": lambda: unsigned("None"),
    "algorithm nOnE": lambda: unsigned("nOnE"),
    "algorithm none, with our signature": lambda: with_header(alg="none"),
    "algorithm swapped in the header": lambda: with_header(alg="HS512"),
    "algorithm RS256 in the header": lambda: with_header(alg="RS256"),
    "algorithm HS384 with our key": lambda: made(algorithm="HS384", key=SECRET.ljust(48, "x")),
    "algorithm HS512 with our key": lambda: made(algorithm="HS512", key=SECRET.ljust(64, "x")),
    "algorithm RS256 with a key of one's own": by_rsa,
    "a key of one's own": lambda: made(key="another secret of thirty-two bytes!!"),
    "a key that the header brings": lambda: made(
        key="another secret of thirty-two bytes!!", header={"jwk": {"kty": "oct", "k": "YW5vdGhlcg"}}
    ),
    "our key and a bit more": lambda: made(key=SECRET + "."),
    "another issuer": lambda: made(iss="somebody"),
    "no issuer": lambda: made(iss=None),
    "another audience": lambda: made(aud="another-api"),
    "no audience": lambda: made(aud=None),
    "type JWT": lambda: made(header={"typ": "JWT"}),
    "no type": lambda: with_header(typ=None),
    "a media type of a stream": lambda: made(header={"typ": "stream+jwt"}),
    "expired": lambda: made(exp=int((utc_now() - timedelta(seconds=1)).timestamp())),
    "no expiry": lambda: made(exp=None),
    "expiry that is no number": lambda: made(exp="tomorrow"),
    "issued tomorrow": lambda: made(iat=int((utc_now() + 24 * HOUR).timestamp())),
    "no time of issue": lambda: made(iat=None),
    "not yet": lambda: made(nbf=int((utc_now() + HOUR).timestamp())),
    "no subject": lambda: made(sub=None),
    "a subject that is no number": lambda: made(sub="ann"),
    "no id": lambda: made(jti=None),
    "an id that is none of ours": lambda: made(jti="7"),
    "a session that is none": lambda: made(sid="7"),
    "another subject, changed afterwards": lambda: with_claims(sub="2", user_id=2),
    "more roles, changed afterwards": lambda: with_claims(roles=["admin"]),
    "roles that are no list": lambda: made(roles=7),
    "a critical extension": lambda: made(header={"crit": ["x"], "x": 1}),
    "nothing": lambda: "",
    "garbage": lambda: "garbage",
    "three dots": lambda: "...",
    "empty objects": lambda: "e30.e30.e30",
    "no signature": lambda: made().rpartition(".")[0] + ".",
    "half a signature": lambda: made()[:-20],
    "one letter more": lambda: made() + "A",
    "two tokens": lambda: f"{made()} {made()}",
    "ten thousand dots": lambda: "." * 10_000,
}
WITH_TOKEN = ("/me", "/me/preferences", "/me/subscription", "/auth/sessions")
WITHOUT = ("/songs/1", "/users/1")  # need no token, and believe no bad one


async def test_a_token_made_like_ours_is_taken(api: Api) -> None:
    await signed_up(api)
    client = api.with_headers({"Authorization": f"Bearer {made()}"})

    assert [(await client.get(path)).status_code for path in WITH_TOKEN] == [200] * len(WITH_TOKEN)


async def test_any_other_token_is_refused_wherever_one_is_needed(api: Api) -> None:
    await signed_up(api)
    nobody = api.as_()

    answers = {
        (name, path): await nobody.get(path, headers={"Authorization": f"Bearer {token()}".rstrip()})
        for name, token in FORGED.items()
        for path in WITH_TOKEN
    }

    assert {each: answer.status_code for each, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert {answer.headers["www-authenticate"] for answer in answers.values()} == {"Bearer"}


async def test_a_bad_token_is_refused_also_where_none_is_needed(api: Api) -> None:
    await signed_up(api)
    nobody = api.as_()

    answers = {
        (name, path): await nobody.get(path, headers={"Authorization": f"Bearer {token()}"})
        for name, token in FORGED.items()
        for path in WITHOUT
        if name != "nothing"  # without a token one is nobody
    }

    assert {each: answer.status_code for each, answer in answers.items()} == dict.fromkeys(answers, 401)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YW5uOnF1ZWVu", "Token abc"])
async def test_without_a_token_nobody_is_let_in(api: Api, header: str | None) -> None:
    client = api.with_headers({} if header is None else {"Authorization": header})

    assert {(await client.get(path)).status_code for path in WITH_TOKEN} == {401}


async def test_a_token_in_the_address_is_none(api: Api) -> None:
    await signed_up(api)

    answer = await api.as_().get("/me", params={"access_token": made(), "token": made()})

    assert answer.status_code == 401


async def test_the_token_of_a_revoked_session_is_refused(api: Api) -> None:
    await signed_up(api)
    tokens = await signed_in(api)
    ann = bearing(api, tokens)
    before = [(await ann.get(path)).status_code for path in WITH_TOKEN]

    await ann.post("/auth/logout")

    assert before == [200] * len(WITH_TOKEN)
    assert {(await ann.get(path)).status_code for path in WITH_TOKEN} == {401}


async def test_the_tokens_of_a_revoked_account_are_refused_and_later_ones_are_not(api: Api) -> None:
    user_id = await signed_up(api)
    tokens = await signed_in(api)
    ann, by_command = bearing(api, tokens), api.as_(user_id)

    await api.as_(999, roles=["admin"]).put(f"/users/{user_id}/roles", json={"roles": ["user", "artist"]})

    assert {(await each.get("/me")).status_code for each in (ann, by_command)} == {401}
    later = bearing(api, await signed_in(api))
    assert (await later.get("/me")).json()["roles"] == ["user", "artist"]


async def test_a_session_of_nobody_gives_no_rights(api: Api) -> None:
    """A signed token of a session that was removed holds to its end: that end is an hour away at most."""
    user_id = await signed_up(api)
    token = api.app.state.tokens.issue(UserId(user_id), roles=["user"], now=utc_now(), session_id=uuid4())

    answer = await api.with_headers({"Authorization": f"Bearer {token}"}).post(
        "/auth/refresh", json={"refresh_token": token}
    )

    assert answer.status_code == 401


def test_only_a_key_that_nobody_knows_signs(tmp_path: Path) -> None:
    long_enough = "x" * 32

    given = token_secret(Settings(SEGUE_HOME=tmp_path, place="production", tokens={"secret": long_enough}))

    assert given == long_enough
    assert not (tmp_path / "run").exists()
    with pytest.raises(Unconfigured, match="32 bytes"):
        token_secret(Settings(SEGUE_HOME=tmp_path, place="production", tokens={"secret": "x" * 31}))
    with pytest.raises(Unconfigured, match="does not invent"):
        token_secret(Settings(SEGUE_HOME=tmp_path, place="production"))


def test_two_homes_have_two_keys_and_a_damaged_one_is_not_used(tmp_path: Path) -> None:
    one, other = Settings(SEGUE_HOME=tmp_path / "one"), Settings(SEGUE_HOME=tmp_path / "other")

    keys = {token_secret(one), token_secret(other)}
    (tmp_path / "one" / "run" / "token.key").write_text("short")

    assert len(keys) == 2
    with pytest.raises(Unconfigured, match="damaged"):
        token_secret(one)
