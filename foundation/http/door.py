"""The one middleware around every request: names it, limits it, measures it, and sees that each answer is whole.

Pure ASGI and one layer for all of it, because each layer costs every request; `docs/performance.md` says how much.
"""

import logging
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any, TypeAlias

from foundation import metrics, telemetry
from foundation.errors import Problem
from foundation.http.identity import IDENTITY, Identities
from foundation.http.problems import Failed, problem_response
from foundation.http.rate_limit import Policy, RateLimits, too_many
from foundation.http.security_headers import NOTHING, security_headers
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

UNKNOWN = "unknown"  # the endpoint label of an address that no route has: such addresses are without number
GONE = 499  # the status told of a request whose client went away before it was answered
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
WANTED = frozenset({b"x-request-id", b"authorization", b"content-length", b"traceparent"})
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
        self.access_log = access_log
        self.headers = security_headers(tls=http.tls)
        self.content_policies: dict[str, bytes] = {}  # of pages, by path; everything else is data
        self.identities: Identities | None = None
        self.limits: RateLimits | None = None
        self.policy_of: PolicyOf = lambda scope, principal: None


class Door:
    """The middleware."""

    def __init__(self, app: Application, keeper: Doorkeeper) -> None:
        self._app, self._keeper = app, keeper
        self._counters: dict[tuple[str, str, int], Callable[[], None]] = {}
        self._nothing = (b"content-security-policy", NOTHING.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_at = perf_counter()
        told = {name: value for name, value in scope["headers"] if name in WANTED}
        visit = _Visit(send, self._headers(scope, told))
        named = REQUEST_ID.set(visit.request_id)
        traced = None
        traceparent = ""
        if b"traceparent" in told:
            traceparent = telemetry.checked_traceparent(told[b"traceparent"].decode("latin-1"))
            traced = INCOMING.set(traceparent)
        # A scope of our own, in which the router writes the route; the server keeps its HEAD and sends no body.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            tracing = telemetry.tracing()
            if tracing is None:
                await self._serve(inner, receive, visit, told)
            else:
                with tracing.request(scope["method"], scope["path"], traceparent) as span:
                    try:
                        await self._serve(inner, receive, visit, told)
                    finally:
                        span.answered(_endpoint(inner.get("route")), visit.status)
        finally:
            self._count(scope, inner.get("route"), visit.status, perf_counter() - begun_at)
            REQUEST_ID.reset(named)
            if traced is not None:
                INCOMING.reset(traced)

    def _headers(self, scope: Scope, told: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """What this answer says beside its own; first the request's id: the client's own where it is sane, else a new one."""
        keeper = self._keeper
        request_id = told.get(b"x-request-id")
        if request_id is None or not _SANE.fullmatch(request_id):
            request_id = secrets.token_hex(8).encode()
        page = keeper.content_policies.get(scope["path"])
        policy = self._nothing if page is None else (b"content-security-policy", page)
        return [(b"x-request-id", request_id), policy, *keeper.headers]

    async def _serve(self, scope: Scope, receive: Receive, visit: "_Visit", told: dict[bytes, bytes]) -> None:
        """Refuse, or pass on to the application; whatever happens there, the client gets an answer."""
        try:
            await self._admit(scope, visit, told)
            await self._app(scope, self._limited(scope, receive, visit, told), visit.send)
        except Problem as refusal:
            visit.refusal = visit.refusal or refusal
        except Exception:
            if visit.has_started:
                if (
                    visit.is_complete
                ):  # the application has answered the failure, told of it, and only now raises it
                    return
                raise  # half an answer: the server breaks the connection off, so that nobody takes it for a whole one
            if visit.refusal is None:
                log.exception("%s %s failed", scope["method"], scope["path"])
                visit.refusal = Failed("the fault is in our log")
        if visit.refusal is not None and not visit.has_started:
            answer, visit.refusal = visit.refusal, None
            await problem_response(answer, scope["path"])(scope, receive, visit.send)

    async def _admit(self, scope: Scope, visit: "_Visit", told: dict[bytes, bytes]) -> None:
        """Find out who asks, and spend one request of their budget. Raises TooManyRequests."""
        keeper = self._keeper
        principal: Principal | None = None
        if keeper.identities is not None and b"authorization" in told:
            found = scope[IDENTITY] = keeper.identities.of(told[b"authorization"])
            principal = found if isinstance(found, Principal) else None
        if keeper.limits is None:
            return
        policy = keeper.policy_of(scope, principal)
        if policy is None:
            return
        who = str(principal.user_id) if principal is not None else address_of(scope)
        is_granted, left, reset = await keeper.limits.take(policy, who)
        visit.headers.append((b"ratelimit-policy", policy.header))
        visit.headers.append((b"ratelimit", policy.state(left, reset)))
        if not is_granted:
            raise too_many(policy, reset)

    def _limited(self, scope: Scope, receive: Receive, visit: "_Visit", told: dict[bytes, bytes]) -> Receive:
        """The body's stream, cut off where it grows too long. Raises RequestTooLarge at once where its length is told."""
        biggest = self._keeper.biggest_body
        length = told.get(b"content-length", b"")
        if length.isdigit():
            if int(length) > biggest:
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

    def _count(self, scope: Scope, route: object, status: int, seconds: float) -> None:
        endpoint = _endpoint(route)
        key = (scope["method"], endpoint, status)
        count = self._counters.get(key)
        if count is None:
            method = scope["method"] if scope["method"] in METHODS else "OTHER"
            count = metrics.http_requests.labels(method, endpoint, str(status)).inc
            if method != "OTHER":
                self._counters[key] = count
        count()
        metrics.http_request_duration.observe(seconds)
        if self._keeper.access_log:
            access.info("%s %s %d %.1f ms", scope["method"], scope["path"], status, 1000 * seconds)


class _Visit:
    """What has been answered so far."""

    __slots__ = ("_send", "has_started", "headers", "is_complete", "refusal", "status")

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send, self.headers = send, headers
        self.status = GONE
        self.has_started = self.is_complete = False
        self.refusal: Problem | None = None  # what is to be answered instead of what the application says

    @property
    def request_id(self) -> str:
        return self.headers[0][1].decode("ascii")

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.refusal is not None:
                return
            self.status = message["status"]
            self.has_started = True
            message = {**message, "headers": [*message["headers"], *self.headers]}
        elif not self.has_started:
            return
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            self.is_complete = True
        await self._send(message)


def address_of(scope: Scope) -> str:
    """Where a request comes from; of IPv6 the network, since a household has as many addresses as it likes.

    >>> address_of({"client": ("2001:db8:1:2:a:b:c:d", 443)})
    '2001:db8:1:2'
    """
    host: str = (scope.get("client") or ("unknown",))[0]
    return ":".join(host.split(":")[:4]) if ":" in host else host


def _endpoint(route: object) -> str:
    return getattr(route, "path", UNKNOWN)
