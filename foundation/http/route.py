"""The route class of every ordinary endpoint: entity tags for what is read, idempotency keys for what is created."""

import hashlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from foundation.errors import Problem, Unreachable
from foundation.http import idempotency
from foundation.http.hot import UNCHANGED, matches
from foundation.http.principal import MissingToken, NotAllowed, perhaps, principal
from foundation.http.problems import InvalidRequest, with_problems
from foundation.http.sessions import reading, writing
from foundation.security import InvalidToken

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Route(APIRoute):
    """Use it as `APIRouter(route_class=Route)`. What its dependencies may refuse is documented by itself."""

    fingerprint: idempotency.Fingerprint = staticmethod(idempotency.of_body)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._before = self.path.partition("{")[0]
        asked = set(_dependencies(self.dependant))
        self.responses = with_problems(self.responses, *_refusals_of(self, asked))
        if "GET" in self.methods:
            self.responses = {304: UNCHANGED, **self.responses}
        if "POST" in self.methods and writing in asked:
            extra: dict[str, Any] = self.openapi_extra or {}
            # FastAPI makes a route anew when it includes the router: the header must not be told twice.
            if idempotency.PARAMETER not in extra.get("parameters", []):
                told = [*extra.get("parameters", []), idempotency.PARAMETER]
                self.openapi_extra = {**extra, "parameters": told}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Starlette asks one route after the other: most are ruled out by what stands before their first parameter."""
        if self._before not in scope.get("path", ""):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Handler:
        """The handler that FastAPI makes, with ours around it."""
        answer = super().get_route_handler()
        if "GET" in self.methods:
            return _conditional(answer)
        if "POST" in self.methods and writing in _dependencies(self.dependant):
            return idempotency.idempotent(answer, self.fingerprint)
        return answer


def _conditional(answer: Handler) -> Handler:
    async def tagged(request: Request) -> Response:
        response = await answer(request)
        body = getattr(response, "body", None)  # a stream has none, and no tag
        if response.status_code != 200 or not isinstance(body, bytes):
            return response
        tag = response.headers.get("etag") or f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        told = request.headers.get("if-none-match")
        kept = {"etag": tag, "cache-control": response.headers.get("cache-control", "private, no-cache")}
        if told is not None and matches(told.encode("latin-1"), tag.encode("latin-1")):
            return Response(status_code=304, headers=kept)
        response.headers.update(kept)
        return response

    return tagged


def _dependencies(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from _dependencies(each)


def _has_parameters(dependant: Dependant) -> bool:
    return bool(
        dependant.path_params or dependant.query_params or any(map(_has_parameters, dependant.dependencies))
    )


def _refusals_of(route: Route, asked: set[Any]) -> Iterator[type[Problem]]:
    if route.body_field is not None or _has_parameters(route.dependant):
        yield InvalidRequest
    if principal in asked:
        yield from (MissingToken, InvalidToken)
    elif perhaps in asked:
        yield InvalidToken
    if any(getattr(call, "is_a_permission", False) for call in asked):
        yield NotAllowed
    if writing in asked or reading in asked:
        yield Unreachable
    if writing in asked and "POST" in route.methods:
        yield from (InvalidRequest, idempotency.IdempotencyKeyReused)
