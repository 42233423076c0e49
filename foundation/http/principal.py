"""Who is asking: the dependency that every endpoint with an identity takes; it comes from the token alone."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from foundation.errors import Problem
from foundation.http.identity import IDENTITY, identified
from foundation.security import Principal, TokenMaker

_bearer = HTTPBearer(
    auto_error=False,
    description="An access token: `POST /api/v1/auth/login` gives one, and so does `./segue token LISTENER`.",
)


class MissingToken(Problem):
    """The endpoint wants to know who is asking, and the request does not say."""

    status, title = 401, "This needs an access token"


class NotAllowed(Problem):
    """The one who asks is known, and may not do this."""

    status, title = 403, "You may not do this"


async def principal(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    """The principal of the request's bearer token. Raises MissingToken or InvalidToken (401)."""
    if credentials is None:
        raise MissingToken("send an access token: Authorization: Bearer …")
    known = identified(request.scope)
    if known is not None:
        return known
    tokens: TokenMaker = request.app.state.tokens
    checked = request.scope[IDENTITY] = tokens.check(credentials.credentials)
    return checked


async def perhaps(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal | None:
    """The principal where the request has a token, else None. Raises InvalidToken for a bad one."""
    return None if credentials is None else await principal(request, credentials)


def having(role: str) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that refuses whoever has neither this role nor that of an administrator. Raises NotAllowed (403)."""

    async def permitted(asking: Annotated[Principal, Depends(principal)]) -> Principal:
        if not asking.roles & {role, "admin"}:
            raise NotAllowed(f"this is for the role {role}", role=role)
        return asking

    permitted.is_a_permission = True  # type: ignore[attr-defined] # so that the document tells of the refusal
    return permitted


Listener = Annotated[Principal, Depends(principal)]
Anyone = Annotated[Principal | None, Depends(perhaps)]
Artist = Annotated[Principal, Depends(having("artist"))]
Analyst = Annotated[Principal, Depends(having("analyst"))]
Admin = Annotated[Principal, Depends(having("admin"))]
