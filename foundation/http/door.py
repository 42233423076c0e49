"""The one middleware around every request: names it, limits it, measures it, and sees that each answer is whole.

Pure ASGI and one layer for all of it, because each layer costs every request; `bench/door.py` measures how much.
"""

import logging
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from itertools import count
from time import perf_counter
from typing import Any, TypeAlias

from starlette.datastructures import State
from starlette.requests import ClientDisconnect

from foundation import telemetry
from foundation.errors import Problem
from foundation.http.hot import JSON_OF, HotPaths, HotRequest, Prompt, fitting
from foundation.http.identity import IDENTITY, Identities, address_of
from foundation.http.problems import Failed, problem_response
from foundation.http.rate_limit import Policy, RateLimits, too_many
from foundation.http.security_headers import NOTHING, security_headers
from foundation.http.tally import Tally
from foundation.http.whole import ANSWER, SERVER, Parts, Reply, Whole, lines_of
from foundation.security import Principal
from foundation.settings import Http
from foundation.telemetry import INCOMING, REQUEST_ID

log = logging.getLogger(__name__)
access = logging.getLogger("access")

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
PolicyOf: TypeAlias = Callable[[Scope, Principal | None], Policy | None]

BUDGET = (b"ratelimit-policy", b"ratelimit")
BUDGET_LINES = b"%s: %%s\r\n%s: %%s\r\n" % BUDGET
NAME, POLICY, STATE = b"x-request-id: ", b"%s: " % BUDGET[0], b"\r\n%s: " % BUDGET[1]  # each before its value
UNKNOWN = "unknown"  # the endpoint label of an address that no route has: such addresses are without number
GONE = 499  # the status told of a request whose client went away before it was answered
BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
WANTED = frozenset({b"x-request-id", b"authorization", b"content-length", b"traceparent"})
WANTED_AT_ONCE = WANTED - {b"traceparent"} | {b"if-none-match"}
TAKEN = "segue.taken"  # the key in a scope of what the router found for a request that may be taken
_PROCESS = secrets.token_hex(4).encode()  # the ids of a process begin alike, those of another differently
_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class RequestTooLarge(Problem):
    """The body is longer than this service takes; it is not read to its end."""

    status, title = 413, "This body is too large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"a request may have at most {limit:,} bytes", limit=limit)


class Doorkeeper:
    """What the door needs to know. What must be opened first is set by whoever opens it; until then the door does without."""

    def __init__(self, http: Http, *, access_log: bool = False) -> None:
        self.biggest_body = http.biggest_body
        self.biggest_files: dict[str, int] = {}  # bytes of the body at addresses that take whole files
        self.access_log = access_log
        self.headers = security_headers(tls=http.tls)
        self.tally = Tally()
        self.content_policies: dict[str, bytes] = {}  # of pages, by path; everything else is data
        self.secret = (
            ""  # how addresses begin that hold a secret; what follows is told to no log and no trace
        )
        self.identities: Identities | None = None
        self.limits: RateLimits | None = None
        self.policy_of: PolicyOf = lambda scope, principal: None


class Door:
    """The middleware."""

    def __init__(self, app: HotPaths[Application], keeper: Doorkeeper) -> None:
        self._app, self._keeper = app, keeper
        self._data = _Fixed([(b"content-security-policy", NOTHING.encode()), *keeper.headers])
        self._pages = {
            path: _Fixed([(b"content-security-policy", policy), *keeper.headers])
            for path, policy in keeper.content_policies.items()
        }
        self._names = (b"%s%08x" % (_PROCESS, number & 0xFFFFFFFF) for number in count())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_at = perf_counter()
        told = {name: value for name, value in scope["headers"] if name in WANTED}
        method, path = scope["method"], scope["path"]
        name = self._named(told)
        visit = _Visit(send, scope.get(SERVER), name, self._pages.get(path, self._data))
        named = REQUEST_ID.set(name.decode("ascii"))
        traceparent, traced = "", None
        if b"traceparent" in told:
            traceparent = telemetry.checked_traceparent(told[b"traceparent"].decode("latin-1"))
            traced = INCOMING.set(traceparent)
        if method == "HEAD":
            # A scope of our own: the server keeps the HEAD, and sends no body.
            scope = {**scope, "method": "GET"}
        try:
            if (tracing := telemetry.tracing()) is None:
                await self._serve(scope, receive, visit, told)
            else:
                with tracing.request(method, self._told(path), traceparent) as span:
                    try:
                        await self._serve(scope, receive, visit, told)
                    finally:
                        span.answered(_endpoint(scope), visit.status)
        finally:
            seconds = perf_counter() - begun_at
            self._keeper.tally.add(method, _endpoint(scope), visit.status, seconds)
            if self._keeper.access_log:
                access.info("%s %s %d %.1f ms", method, self._told(path), visit.status, 1000 * seconds)
            REQUEST_ID.reset(named)
            if traced is not None:
                INCOMING.reset(traced)

    def at_once(self, scope: Scope, state: State, *, knows_address: bool) -> tuple[int, Parts] | None:
        """What memory holds for one who is known and whose budget is at hand; None for whatever else it is.

        It says and counts what `__call__` does, and leaves to that all that must be waited for or refused.
        """
        if (prompt := self._app.prompt.get(scope["path"])) is not None:
            return self._prompted(scope, state, prompt)
        found = self._app.kept(scope)
        if found is None or (identities := self._simply()) is None:
            return None
        begun_at = perf_counter()
        route, kept, of = found
        told = {name: value for name, value in scope["headers"] if name in WANTED_AT_ONCE}
        principal, authorization = None, told.get(b"authorization")
        if authorization is not None:
            principal = identities.known(authorization)
        if principal is None and (authorization is not None or not knows_address):
            return None
        answer = kept.held(state.cache, of, None if principal is None else principal.user_id)
        if answer is None or b"content-length" in told:
            return None
        budget = self._spent(scope, principal)
        if budget is None:
            return None
        status, head, body = 200, answer.head, answer.body
        if b"if-none-match" in told:
            status, head, body = fitting(answer, scope)
        state.cache.count(kept.kind)
        self._keeper.tally.add("GET", route.path, status, perf_counter() - begun_at)
        return status, self._answer(told, head, budget, body)

    def _prompted(self, scope: Scope, state: State, prompt: Prompt) -> tuple[int, Parts] | None:
        """What a route that is not hot may answer at once, to one whose token was checked before."""
        if (identities := self._simply()) is None:
            return None
        begun_at = perf_counter()
        told = {name: value for name, value in scope["headers"] if name in WANTED}
        authorization = told.get(b"authorization")
        principal = None if authorization is None else identities.known(authorization)
        if principal is None or b"content-length" in told or b"traceparent" in told:
            return None
        make = prompt(state, principal, scope["query_string"])
        if make is None or (budget := self._spent(scope, principal)) is None:
            return None
        body = make()
        self._keeper.tally.add("GET", scope["path"], 200, perf_counter() - begun_at)
        head = JSON_OF % sum(map(len, body))
        return 200, self._answer(told, head, budget, *body)

    def biggest_taken(self, scope: Scope) -> int:
        """Up to how many bytes of body `take` may be asked to take of such a request."""
        found = scope[TAKEN] = self._app.taken(scope)
        return 0 if found is None else found[0].biggest

    def take(self, scope: Scope, body: bytes, reply: Reply) -> bool:
        """Begin what a request asks for, where all that it needs is in memory, and reply when it is done; else False.

        As with `at_once`, all else is left to `__call__`.
        """
        found = scope[TAKEN]
        if found is None or (identities := self._simply()) is None:
            return False
        begun_at = perf_counter()
        route, make_ready, of = found
        told = {name: value for name, value in scope["headers"] if name in WANTED}
        authorization = told.get(b"authorization")
        principal = None if authorization is None else identities.known(authorization)
        if principal is None or b"traceparent" in told:
            return False
        ready = make_ready(HotRequest(scope, _come, of), principal, body)
        if ready is None or (budget := self._spent(scope, principal)) is None:
            return False

        def done(refusal: Problem | None) -> None:
            if refusal is None:
                status, body = ready.status, ready.body
                head = JSON_OF % len(body)
            else:
                answer = problem_response(refusal, scope["path"])
                status, body, head = answer.status_code, bytes(answer.body), lines_of(answer.raw_headers)
            self._keeper.tally.add("POST", route.path, status, perf_counter() - begun_at)
            reply(status, self._answer(told, head, budget, body))

        try:
            ready.begin(done)
        except Problem as refusal:
            done(refusal)
        return True

    def _answer(self, told: dict[bytes, bytes], head: bytes, budget: Parts, *body: bytes) -> Parts:
        """What follows the line of a status: the answer's own lines, what every answer says, and the body."""
        return head, NAME, self._named(told), b"\r\n", self._data.lines, *budget, b"\r\n", *body

    def _simply(self) -> Identities | None:
        """Who knows those that ask, where nothing is open or watched that only `__call__` serves."""
        keeper = self._keeper
        return None if keeper.access_log or telemetry.tracing() is not None else keeper.identities

    def _spent(self, scope: Scope, principal: Principal | None) -> Parts | None:
        """What a request is told of its budget, which it has been paid from; None where that cannot be done at once."""
        policy = self._keeper.policy_of(scope, principal)
        if self._keeper.limits is None or policy is None:
            return ()
        spent = self._keeper.limits.spend(policy, _payer(scope, principal))
        if spent is None or not spent.is_granted:
            return None
        return POLICY, policy.header, STATE, policy.state(spent), b"\r\n"

    def _told(self, path: str) -> str:
        """A path as logs and traces may tell it."""
        secret = self._keeper.secret
        return f"{secret}…" if secret and path.startswith(secret) else path

    def _named(self, told: dict[bytes, bytes]) -> bytes:
        """The name of a request: the client's own where it is sane, else a new one."""
        name = told.get(b"x-request-id")
        return name if name is not None and _SANE.fullmatch(name) else next(self._names)

    async def _serve(self, scope: Scope, receive: Receive, visit: "_Visit", told: dict[bytes, bytes]) -> None:
        """Refuse, or pass on to the application; whatever happens there, the client gets an answer."""
        try:
            principal = self._identified(scope, told)
            limits, policy = self._keeper.limits, self._keeper.policy_of(scope, principal)
            if limits is not None and policy is not None:
                who = _payer(scope, principal)
                spent = limits.spend(policy, who) or await limits.take(policy, who)
                visit.budget = (policy.header, policy.state(spent))
                if not spent.is_granted:
                    raise too_many(policy, spent)
            scope[ANSWER] = visit.answer
            try:
                await self._app(scope, self._limited(scope, receive, visit, told), visit.send)
            finally:
                # What they hold holds the scope: without this each request would be left to the garbage collector.
                del scope[ANSWER]
                scope.pop(SERVER, None)
        except Problem as refusal:
            visit.refusal = visit.refusal or refusal
        except ClientDisconnect:  # nobody is there to be answered
            return
        except Exception:
            if (
                visit.is_complete
            ):  # the application has answered the failure, told of it, and only now raises it
                return
            if (
                visit.has_started
            ):  # half an answer: the server breaks off, so that nobody takes it for a whole one
                raise
            if visit.refusal is None:
                log.exception("%s %s failed", scope["method"], self._told(scope["path"]))
                visit.refusal = Failed("the fault is in our log")
        if visit.refusal is not None and not visit.has_started:
            answer, visit.refusal = visit.refusal, None
            await problem_response(answer, scope["path"])(scope, receive, visit.send)

    def _identified(self, scope: Scope, told: dict[bytes, bytes]) -> Principal | None:
        """Who asks, as far as a valid token tells it; the endpoint finds the same in the scope."""
        if self._keeper.identities is None or b"authorization" not in told:
            return None
        found = scope[IDENTITY] = self._keeper.identities.of(told[b"authorization"])
        return found if isinstance(found, Principal) else None

    def _limited(self, scope: Scope, receive: Receive, visit: "_Visit", told: dict[bytes, bytes]) -> Receive:
        """The body's stream, cut off where it grows too long. Raises RequestTooLarge at once where its length is told."""
        biggest = self._keeper.biggest_files.get(scope["path"], self._keeper.biggest_body)
        if b"content-length" in told and told[b"content-length"].isdigit():
            if int(told[b"content-length"]) > biggest:
                raise RequestTooLarge(biggest)
            return receive  # the server reads no more than it was told
        if scope["method"] in BODILESS:
            return receive
        come = 0

        async def counted() -> Message:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > biggest:
                visit.refusal = RequestTooLarge(biggest)
                raise visit.refusal
            return message

        return counted


class _Fixed:
    """Headers that are the same for every answer of a kind, also as the lines that they are sent as."""

    __slots__ = ("headers", "lines")

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self.headers, self.lines = headers, lines_of(headers)


class _Visit:
    """What has been answered so far."""

    __slots__ = (
        "_fixed",
        "_name",
        "_send",
        "_whole",
        "budget",
        "has_started",
        "is_complete",
        "refusal",
        "status",
    )

    def __init__(self, send: Send, whole: Whole | None, name: bytes, fixed: _Fixed) -> None:
        self._send, self._whole, self._name, self._fixed = send, whole, name, fixed
        self.budget: tuple[bytes, bytes] | None = None  # its policy, and what is left of it
        self.status = GONE
        self.has_started = self.is_complete = False
        self.refusal: Problem | None = None  # what is to be answered instead of what the application says

    def send(self, message: Message) -> Awaitable[None]:
        """The server's own `send`, given back to be awaited: one coroutine less for every message."""
        kind = message["type"]
        if kind == "http.response.start" and self.refusal is None:
            self.status = message["status"]
            self.has_started = True
            message["headers"] = [
                *message["headers"],
                (b"x-request-id", self._name),
                *self._fixed.headers,
                *(() if self.budget is None else zip(BUDGET, self.budget, strict=True)),
            ]
        elif not self.has_started:
            return _dropped()
        elif kind == "http.response.body" and not message.get("more_body"):
            self.is_complete = True
        return self._send(message)

    def answer(self, status: int, head: bytes, body: bytes) -> bool:
        """Give a whole answer to a server that takes one; False where it must be sent."""
        if self._whole is None or self.refusal is not None or self.has_started:
            return False
        head = b"%sx-request-id: %s\r\n%s" % (head, self._name, self._fixed.lines)
        if self.budget is not None:
            head += BUDGET_LINES % self.budget
        if not self._whole(status, head, body):
            return False
        self.status, self.has_started, self.is_complete = status, True, True
        return True


async def _come() -> Message:
    """What a request receives whose body has come."""
    raise AssertionError("the body of a request that is taken at once has come already")


async def _dropped() -> None:
    """What an application says that has been refused already."""


def _payer(scope: Scope, principal: Principal | None) -> str:
    """Whose budget a request is paid from."""
    return str(principal.user_id) if principal is not None else address_of(scope)


def _endpoint(scope: Scope) -> str:
    """The template of the route that the router has found."""
    return getattr(scope.get("route"), "path", UNKNOWN)
