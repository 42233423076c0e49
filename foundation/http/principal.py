"""Who is asking: the dependency that every endpoint with an identity takes; it comes from the token alone."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from foundation.errors import Problem
from foundation.http.identity import identified
from foundation.security import Principal, TokenMaker

_bearer = HTTPBearer(auto_error=False, description="An access token: `./segue token LISTENER` issues one.")


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
    return tokens.check(credentials.credentials)


Listener = Annotated[Principal, Depends(principal)]
