"""Tokens that are not ours are refused, each for its own reason (RFC 8725)."""

from datetime import timedelta

import jwt
import pytest

from foundation.clock import utc_now
from foundation.ids import UserId
from foundation.security import InvalidToken, TokenMaker

NOW = utc_now()
MAKER = TokenMaker("a" * 40, "segue", "segue-api", timedelta(hours=1))


def forged(key: str = MAKER.secret, algorithm: str = "HS256", kind: str = "at+jwt", **changed: object) -> str:
    claims = {
        "sub": "7", "user_id": 7, "roles": ["user"], "iss": MAKER.issuer, "aud": MAKER.audience,
        "iat": int(NOW.timestamp()), "exp": int((NOW + timedelta(hours=1)).timestamp()),
    } | changed  # fmt: skip
    return jwt.encode(
        {name: value for name, value in claims.items() if value is not None},
        key,
        algorithm=algorithm,
        headers={"typ": kind},
    )


def test_a_token_tells_who_is_asking() -> None:
    principal = MAKER.check(
        MAKER.issue(UserId(7), roles=["user", "analyst"], now=NOW, subscription="premium")
    )

    assert (principal.user_id, principal.subscription) == (7, "premium")
    assert principal.may_see(UserId(8))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "no token",
        "e30.e30.e30",
        forged(key="b" * 40),
        forged(key="", algorithm="none"),
        forged(key="a" * 64, algorithm="HS512"),
        forged(kind="JWT"),
        forged(iss="somebody"),
        forged(aud="something"),
        forged(aud=None),
        forged(exp=int(NOW.timestamp()) - 1),
        forged(exp=None),
        forged(sub="me"),
        forged(sub=None),
    ],
)
def test_any_other_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        MAKER.check(token)


def test_a_listener_sees_only_what_is_theirs() -> None:
    principal = MAKER.check(MAKER.issue(UserId(7), roles=["user", "artist"], now=NOW))

    assert principal.may_see(UserId(7))
    assert not principal.may_see(UserId(8))
