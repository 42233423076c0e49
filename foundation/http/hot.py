"""Routes of the busiest endpoints: found by one look-up, answered from encoded bytes, documented like all others.

FastAPI documents them and touches no request of theirs: a route there costs several times what the answer does.
A template is a fixed prefix, an id, and perhaps a last word: `/songs/{song_id}`, `/songs/{song_id}/play`.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Generic, NamedTuple, TypeAlias, TypeVar, cast

from fastapi import APIRouter, Depends, Path
from starlette.datastructures import State
from starlette.requests import ClientDisconnect
from starlette.routing import Route as StarletteRoute

from foundation.cache import Cache, Encoded, Kind
from foundation.engines.postgres import Postgres
from foundation.errors import Problem
from foundation.http.identity import identified
from foundation.http.principal import perhaps, principal
from foundation.http.problems import InvalidRequest, problems
from foundation.http.whole import ANSWER, Whole
from foundation.ids import BIGGEST_ID, UserId
from foundation.security import InvalidToken, Principal

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

DIGITS = 19  # of the biggest id
JSON_OF = b"content-type: application/json\r\ncontent-length: %d\r\n"  # the headers of so many bytes of it
UNCHANGED = {"description": "What the client holds is still right (If-None-Match)."}


class HotRequest:
    """What a hot endpoint may ask of its request."""

    __slots__ = ("id", "receive", "scope", "state")

    def __init__(self, scope: Scope, receive: Receive, of: int) -> None:
        self.scope, self.receive, self.id = scope, receive, of
        self.state: State = scope["app"].state

    @property
    def principal(self) -> Principal | None:
        """Who asks; None for a request without a token. Raises InvalidToken."""
        return identified(self.scope)

    def header(self, name: bytes) -> bytes | None:
        """The first header of this name, which is in lower case."""
        return next((value for each, value in self.scope["headers"] if each == name), None)

    async def body(self, biggest: int, too_large: Callable[[int], Problem]) -> bytes:
        """The request's body. Raises `too_large(biggest)` without reading further: by its header alone, where it tells."""
        length = self.header(b"content-length")
        if length is not None and length.isdigit() and int(length) > biggest:
            raise too_large(biggest)
        message = await self.receive()
        body: bytes = message.get("body", b"")
        while message.get("more_body") and len(body) <= biggest:
            message = await self.receive()
            body += message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if len(body) > biggest:
            raise too_large(biggest)
        return body


class Ready(NamedTuple):
    """What a request asks for, with all at hand that it needs: to be begun, and answered when it is done."""

    status: int
    body: bytes
    begin: Callable[[Callable[[Problem | None], None]], None]
    """Takes who hears, in this event loop, that it is done or why it is not. Raises a Problem where that is plain at once."""


MakeReady: TypeAlias = Callable[[HotRequest, Principal, bytes], Ready | None]
"""Makes it of a request, of who asks and of a body; None where something must be waited for, or refused."""
Answer: TypeAlias = Encoded | tuple[int, bytes]
"""What an endpoint gives: an encoded answer with its tag, or a status and JSON."""
Endpoint: TypeAlias = Callable[[HotRequest], Awaitable[Answer]]
Decorated = TypeVar("Decorated", bound=Endpoint)
MakeOf: TypeAlias = Callable[[Postgres, int], Awaitable[bytes | None]]
"""Makes the answer of an id from Postgres's leader; None where there is nothing of this id."""
Made = TypeVar("Made", bound=MakeOf)
MayRead: TypeAlias = Callable[[bytes, UserId | None], bool]
Prompt: TypeAlias = Callable[[State, Principal, bytes], Callable[[], tuple[bytes, ...]] | None]
"""Of who asks and of a query it gives what makes the answer, JSON in pieces, without waiting; None where the request must be awaited.

Until the second is called nothing has happened. It stands beside a route that FastAPI answers, and answers as that would.
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that the cache keeps: under which keys, who makes it, and who may read it."""

    kind: Kind
    make: MakeOf
    missing: Callable[[int], Problem]
    may_read: MayRead | None = None  # everyone, where nobody is asked

    def held(self, cache: Cache, of: int, asking: UserId | None) -> Encoded | None:
        """What memory holds for this person, without waiting; None also where they may not read it."""
        found = cache.held(self.kind.key(of))
        return found if found is not None and self._is_for(asking, found) else None

    async def answer(self, request: "HotRequest") -> Encoded:
        """The answer from wherever it is, else made. Raises what `missing` gives, and InvalidToken though none is needed."""
        principal = request.principal
        asking = None if principal is None else principal.user_id
        cache: Cache = request.state.cache
        if (held := self.held(cache, request.id, asking)) is not None:
            cache.count(self.kind)
            return held
        make = partial(self.make, request.state.postgres, request.id)
        found = await cache.of(self.kind, self.kind.key(request.id), make)
        if found is None or not self._is_for(asking, found):
            raise self.missing(request.id)
        return found

    def _is_for(self, asking: UserId | None, found: Encoded) -> bool:
        return self.may_read is None or self.may_read(found.body, asking)


@dataclass(frozen=True, slots=True)
class HotRoute:
    """One of them. `path` is the template, which the metrics name it by."""

    method: str
    path: str
    endpoint: Endpoint
    kept: Kept | None = None
    ready: MakeReady | None = None
    biggest: int = 0  # bytes of a body that `ready` takes

    @property
    def key(self) -> tuple[str, str, str]:
        """Method, what stands before the id, and what stands after it.

        >>> HotRoute("GET", "/songs/{song_id}", None).key
        ('GET', '/songs', '')
        >>> HotRoute("POST", "/songs/{song_id}/play", None).key
        ('POST', '/songs', 'play')
        """
        before, _, after = self.path.partition("/{")
        return self.method, before, after.partition("}")[2].removeprefix("/")

    def number(self, of: str) -> int:
        """The id that stands in the path. Raises InvalidRequest for what is none."""
        if of.isdigit() and of.isascii() and len(of) <= DIGITS and 0 < (number := int(of)) <= BIGGEST_ID:
            return number
        name = self.path.partition("{")[2].partition("}")[0]
        what = f"an id is a whole number between 1 and {BIGGEST_ID}"
        raise InvalidRequest(f"path.{name}: {what}", errors=[{"where": f"path.{name}", "what": what}])

    async def serve(self, scope: Scope, receive: Receive, send: Send, of: str) -> None:
        """Answer a request for the thing whose id is `of`."""
        scope["route"] = self
        answer = await self.endpoint(HotRequest(scope, receive, self.number(of)))
        if isinstance(answer, Encoded):
            status, head, body = fitting(answer, scope)
        else:
            status, body = answer
            head = JSON_OF % len(body)
        whole: Whole | None = scope.get(ANSWER)
        if whole is not None and whole(status, head, body):
            return
        headers = [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n") if line]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def fitting(answer: Encoded, scope: Scope) -> tuple[int, bytes, bytes]:
    """Status, lines of headers and body: the answer, or that the client holds it (RFC 9110, section 13.1.2)."""
    for name, value in scope["headers"]:
        if name == b"if-none-match" and matches(value, answer.tag):
            return 304, answer.unchanged, b""
    return 200, answer.head, answer.body


def matches(told: bytes, tag: bytes) -> bool:
    """Whether a header of entity tags names this one, by the weak comparison.

    >>> matches(b'W/"a", "b"', b'"b"'), matches(b"*", b'"b"'), matches(b'"c"', b'"b"')
    (True, True, False)
    """
    return told.strip() == b"*" or tag in (each.strip().removeprefix(b"W/") for each in told.split(b","))


class HotRouter:
    """Hot routes below one prefix, and how they are documented."""

    def __init__(self, *, prefix: str, tags: Sequence[str]) -> None:
        self._prefix = prefix
        self._documented = APIRouter(tags=list(tags))
        self.routes: list[HotRoute] = []

    def get(
        self,
        path: str,
        model: type[Any],
        kind: Kind,
        missing: type[Problem],
        *refusals: type[Problem],
        may_read: MayRead | None = None,
    ) -> Callable[[Made], Made]:
        """A route that the cache answers with what a function makes of an id; `missing` is made of the id that is none.

        The answer is as `model` describes it; it is not validated against it but in the tests.
        """
        responses = {304: UNCHANGED} | dict(problems(InvalidRequest, InvalidToken, missing, *refusals))

        def decorate(make: Made) -> Made:
            kept = Kept(kind, make, cast("Callable[[int], Problem]", missing), may_read)
            route = HotRoute("GET", self._prefix + path, kept.answer, kept)
            self._add(route, make, perhaps, response_model=model, responses=responses)
            return make

        return decorate

    def post(
        self,
        path: str,
        status: int,
        *refusals: type[Problem],
        ready: MakeReady | None = None,
        biggest: int = 0,
        **documentation: Any,
    ) -> Callable[[Decorated], Decorated]:
        """A route that needs a token and takes a body; `responses` and `openapi_extra` describe what goes in and out.

        Where `ready` makes a request ready, its endpoint is not asked.
        """
        responses = {**documentation.pop("responses", {}), **problems(InvalidRequest, *refusals)}
        documentation |= {"status_code": status, "responses": responses}

        def decorate(endpoint: Decorated) -> Decorated:
            route = HotRoute("POST", self._prefix + path, endpoint, ready=ready, biggest=biggest)
            self._add(route, endpoint, principal, **documentation)
            return endpoint

        return decorate

    def document(self, router: APIRouter, **common: Any) -> None:
        """Enter the routes into a router that is asked for nothing but its OpenAPI document."""
        router.include_router(self._documented, **common)

    def _add(
        self,
        route: HotRoute,
        described: Callable[..., Any],
        identity: Callable[..., Any],
        **documentation: Any,
    ) -> None:
        """Enter a route, documented by the name and the words of a function."""
        self.routes.append(route)
        self._documented.add_api_route(
            route.path,
            _signature_of(described, route.path),
            methods=[route.method],
            dependencies=[Depends(identity)],
            **documentation,
        )


def _signature_of(described: Callable[..., Any], path: str) -> Callable[..., None]:
    """A function of the same name and words that takes what stands in the path: all that a document needs."""

    def documented() -> None:
        raise AssertionError("a hot route is documented here, and answered elsewhere")

    name = path.partition("{")[2].partition("}")[0]
    identifier = inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[int, Path(ge=1, le=BIGGEST_ID)]
    )
    documented.__signature__ = inspect.Signature([identifier])  # type: ignore[attr-defined]
    documented.__name__, documented.__doc__ = described.__name__, described.__doc__
    return documented


Inside = TypeVar("Inside", bound=Application)


class HotPaths(Generic[Inside]):
    """Finds the hot route of a request, and passes everything else on."""

    def __init__(
        self, inside: Inside, prefix: str, routers: Iterable[HotRouter], prompt: Mapping[str, Prompt]
    ) -> None:
        """`prompt` has what answers some GETs at once, by their paths below the prefix."""
        self._inside = inside
        self.prompt = {prefix + path: answers for path, answers in prompt.items()}
        self._routes: dict[tuple[str, str, str], HotRoute] = {}
        for route in (route for router in routers for route in router.routes):
            mounted = replace(route, path=prefix + route.path)
            self._routes[mounted.key] = mounted

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """What is to be awaited, given back rather than awaited here: one coroutine less for every request."""
        if scope["type"] == "http":
            route, of = self._found(scope)
            if route is not None and of.isdigit():
                return route.serve(scope, receive, send, of)
        return self._inside(scope, receive, send)

    def _found(self, scope: Scope) -> tuple[HotRoute | None, str]:
        """The route of a request and what stands where its id does."""
        method = scope["method"]
        before, _, last = scope["path"].rpartition("/")
        if (route := self._routes.get((method, before, ""))) is not None:
            return route, last
        before, _, middle = before.rpartition("/")
        return self._routes.get((method, before, last)), middle

    def kept(self, scope: Scope) -> tuple[HotRoute, Kept, int] | None:
        """The route of a request that the cache may answer at once, what it answers with, and the id."""
        route, of = self._found(scope)
        if route is None or route.kept is None or not _is_id(of):
            return None
        return route, route.kept, int(of)

    def taken(self, scope: Scope) -> tuple[HotRoute, MakeReady, int] | None:
        """The route of a request that may be ready once its body has come, what makes it ready, and the id."""
        route, of = self._found(scope)
        if route is None or route.ready is None or not _is_id(of):
            return None
        return route, route.ready, int(of)

    def as_starlette(self) -> list[StarletteRoute]:
        """The same as routes that Starlette's router knows: for what is not an id, and for other methods."""
        return [
            StarletteRoute(route.path, _Reached(route), methods=[route.method], include_in_schema=False)
            for route in self._routes.values()
        ]


def _is_id(of: str) -> bool:
    return of.isdigit() and of.isascii() and len(of) <= DIGITS


class _Reached:
    """What answers where the look-up found nothing: the id is none, or there was no look-up, as in a test."""

    def __init__(self, route: HotRoute) -> None:
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._route.serve(scope, receive, send, str(next(iter(scope["path_params"].values()))))
