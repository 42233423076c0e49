"""A POST sent again with its Idempotency-Key is answered as the first time, and does nothing again.

The key is written in the transaction of the request itself, and with it the answer: both are there, or neither. Of two
that come at once, the second waits for the first (draft-ietf-httpapi-idempotency-key-header-07).

An answer may be about somebody else than who asked, or about somebody whom nobody knew before: it is kept with their id,
so that it goes when their account does.
"""

import hmac
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from sqlalchemy import text

from foundation.engines.postgres import Writing
from foundation.errors import Problem
from foundation.http.identity import bearer_of
from foundation.http.problems import InvalidRequest

HEADER = "idempotency-key"
PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same key and body, the request is answered as the first time, for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}
KEPT = ("content-type", "location", "etag")  # headers of an answer that are kept with it
_SANE = re.compile(r"[!-~]{1,255}")

RESERVE = text(
    "INSERT INTO idempotency_keys (scope, key, fingerprint, created_at) "
    "VALUES (:scope, :key, :fingerprint, now()) ON CONFLICT DO NOTHING"
)
KNOWN = text(
    "SELECT fingerprint, status, headers, body FROM idempotency_keys WHERE scope = :scope AND key = :key"
)
KEEP = text(
    "UPDATE idempotency_keys SET status = :status, headers = CAST(:headers AS jsonb), body = :body, about = :about "
    "WHERE scope = :scope AND key = :key"
)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Fingerprint = Callable[[Request], Awaitable[bytes]]  # what two requests with one key must have in common


class IdempotencyKeyReused(Problem):
    """The key was used before for something else."""

    status, title = 422, "This Idempotency-Key belongs to another request"


class Replay(Exception):
    """The request was answered before; this is the answer."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


async def of_body(request: Request) -> bytes:
    """The whole body, which is kept for the endpoint."""
    return await request.body()


def idempotent(answer: Handler, fingerprint: Fingerprint = of_body) -> Handler:
    """The handler, with what must happen around it; inside, `reserve` is called by the session that writes."""

    async def replayed_or_kept(request: Request) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return await answer(request)
        if not _SANE.fullmatch(key):
            what = "an Idempotency-Key is 1 to 255 visible ASCII characters"
            raise InvalidRequest(
                f"header.{HEADER}: {what}", errors=[{"where": f"header.{HEADER}", "what": what}]
            )
        request.state.idempotency = {
            "scope": f"{bearer_of(request.scope) or 'public'} {request.method} {request.url.path}",
            "key": key,
        }
        # Keyed: a body may hold a password, which a plain digest would let a reader of the table guess.
        secret: str = request.app.state.tokens.secret
        request.state.fingerprint = hmac.digest(secret.encode(), await fingerprint(request), "sha256")
        try:
            response = await answer(request)
        except Replay as known:
            return known.response
        db: Writing | None = getattr(request.state, "writing", None)
        if db is not None and response.status_code < 400:
            headers = {name: value for name, value in response.headers.items() if name in KEPT}
            kept = {
                "status": response.status_code,
                "headers": orjson.dumps(headers).decode(),
                "body": bytes(response.body),
                "about": _about(bytes(response.body)),
            }
            await db.execute(KEEP, request.state.idempotency | kept)
        return response

    return replayed_or_kept


async def reserve(request: Request, db: Writing) -> None:
    """Take the key of this request, if it has one. Raises Replay where it was answered, IdempotencyKeyReused."""
    named: dict[str, str] | None = getattr(request.state, "idempotency", None)
    if named is None:
        return
    request.state.writing = db
    fingerprint: bytes = request.state.fingerprint
    taken = await db.execute(RESERVE, named | {"fingerprint": fingerprint})
    if taken.rowcount:  # type: ignore[attr-defined] # of an INSERT there is one
        return
    known = (await db.execute(KNOWN, named)).one()
    if known.fingerprint != fingerprint:
        raise IdempotencyKeyReused("this Idempotency-Key was sent before with another body")
    response = Response(known.body, status_code=known.status)
    response.headers.update(known.headers | {"idempotent-replayed": "true"})
    raise Replay(response)


def _about(body: bytes) -> int | None:
    """The id of the person whom an answer is about: an account, a member of a playlist, or who is sent a song.

    >>> _about(b'{"user_id": 7}'), _about(b'{"to_user": {"user_id": 8}}'), _about(b'{"name": "Rock"}'), _about(b"")
    (7, 8, None, None)
    """
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if isinstance(told, dict) and isinstance(told.get("to_user"), dict):
        told = told["to_user"]
    found = told.get("user_id") if isinstance(told, dict) else None
    return found if isinstance(found, int) else None
