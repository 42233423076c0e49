"""Access tokens: JSON Web Tokens (RFC 7519) made and checked after RFC 8725."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import jwt

from foundation.errors import Problem
from foundation.ids import UserId, new_id
from foundation.settings import Settings, token_secret

ALGORITHM = "HS256"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068, not a secret
ROLES = ("user", "artist", "analyst", "admin")


class InvalidToken(Problem):
    """The token is missing, malformed, forged, meant for others, or has expired."""

    status, title = 401, "This token is not valid"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, as the token says it: identity comes from nowhere else."""

    user_id: UserId
    roles: frozenset[str]
    subscription: str = "free"
    expires_at: int = field(default=0, compare=False)  # seconds since 1970: when the token that says so ends
    issued_ms: int = field(default=0, compare=False)  # since 1970: when it was issued, as its id tells
    session_id: UUID | None = field(default=None, compare=False)  # None for a token that no sign-in gave

    def may_see(self, user_id: UserId) -> bool:
        """Whether what belongs to `user_id` may be shown: to themselves, to analysts and to admins."""
        return self.user_id == user_id or bool(self.roles & {"analyst", "admin"})


@dataclass(frozen=True, slots=True)
class TokenMaker:
    """Issues and checks access tokens with one secret, issuer and audience."""

    secret: str
    issuer: str
    audience: str
    lifetime: timedelta

    def issue(
        self,
        user_id: UserId,
        *,
        roles: Sequence[str],
        now: datetime,
        email: str = "",
        subscription: str = "free",
        session_id: UUID | None = None,
    ) -> str:
        """A signed token with the claims `sub, user_id, email, subscription, roles, iat, exp, iss, aud, jti, sid`.

        `jti` is a UUID of version 7: it tells the millisecond of issue, so that a revocation strikes no later token.
        """
        claims = {
            "sub": str(user_id),
            "user_id": int(user_id),
            "email": email,
            "subscription": subscription,
            "roles": list(roles),
            "iat": int(now.timestamp()),
            "exp": int((now + self.lifetime).timestamp()),
            "iss": self.issuer,
            "aud": self.audience,
            "jti": str(new_id(now)),
        }
        if session_id is not None:
            claims["sid"] = str(session_id)
        return jwt.encode(claims, self.secret, algorithm=ALGORITHM, headers={"typ": TOKEN_TYPE})

    def check(self, token: str) -> Principal:
        """Who the token speaks for. Raises InvalidToken for any other algorithm, type, key, issuer or audience."""
        try:
            decoded = jwt.decode_complete(
                token,
                self.secret,
                algorithms=[ALGORITHM],
                issuer=self.issuer,
                audience=self.audience,
                options={"require": ["sub", "exp", "iat", "iss", "aud", "jti"]},
            )
            claims = decoded["payload"]
            if decoded["header"].get("typ") != TOKEN_TYPE:
                raise InvalidToken("this is not an access token")
            return Principal(
                UserId(int(claims["sub"])),
                frozenset(claims.get("roles", ())),
                claims.get("subscription", "free"),
                int(claims["exp"]),
                UUID(claims["jti"]).int >> 80,
                UUID(claims["sid"]) if "sid" in claims else None,
            )
        except jwt.ExpiredSignatureError as error:
            raise InvalidToken("the token has expired") from error
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise InvalidToken("the token is not one of ours") from error


def token_maker(settings: Settings) -> TokenMaker:
    """The maker and checker of tokens as the settings say."""
    tokens = settings.tokens
    return TokenMaker(token_secret(settings), tokens.issuer, tokens.audience, tokens.lifetime)
