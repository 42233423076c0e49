"""One HTTP request as ClickHouse reads it: who asks, in which session, with which settings and parameters."""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl
from uuid import uuid4

from embedded.clickhouse.errors import refusal

__all__ = ["Request", "User", "Users", "request_of", "split_fields"]

# What the HTTP interface takes for itself; every other parameter is a setting.
_RESERVED = frozenset(
    [
        "query",
        "user",
        "password",
        "database",
        "default_format",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "close_session",
        "compress",
        "decompress",
        "quota_key",
        "client_protocol_version",
        "role",
        "buffer_size",
        "wait_end_of_query",
        "stacktrace",
    ]
)
_EXTERNAL = ("_format", "_types", "_structure")
_SESSION_SECONDS = 60
_SESSION_SECONDS_MOST = 3600
_NAME = re.compile(r"[A-Za-z0-9_.]+")


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    reader: bool


@dataclass(frozen=True, slots=True)
class Users:
    """The two users of the front and their passwords."""

    writer: str
    reader: str
    writer_password: str = field(repr=False)
    reader_password: str = field(repr=False)

    def authenticated(self, name: str, password: str) -> User:
        """The user of this name and password; raises ClickHouseError (516) for any other."""
        given = password.encode("utf-8", "surrogateescape")
        known = {
            "default": (self.writer_password, False),  # whom ClickHouse means when no name is given
            self.writer: (self.writer_password, False),
            self.reader: (self.reader_password, True),
        }
        expected, reader = known.get(name, ("", True))
        # compare also for an unknown name: an answer must not tell by its time which names exist
        right = hmac.compare_digest(given, expected.encode())
        if name in known and right:
            return User(name, reader)
        told = f"{name}: Authentication failed: password is incorrect, or there is no user with such name"
        raise refusal("AUTHENTICATION_FAILED", told)


@dataclass(slots=True)
class Request:
    """What a request says besides its body."""

    user: User
    method: str
    headers: Mapping[str, str]
    query: bytes  # the `query` parameter
    query_id: str
    database: str
    default_format: str | None
    session_id: str | None
    session_seconds: int
    session_check: bool
    close_session: bool
    compress: bool
    decompress: bool
    wait_end: bool
    settings: dict[str, str]
    params: dict[str, str]
    external: dict[str, str]  # formats and structures of external tables, by parameter

    @property
    def encoding(self) -> str | None:
        """How to compress the answer, the best of what the client offers."""
        offered = {
            part.split(";")[0].strip().lower() for part in self.headers.get("accept-encoding", "").split(",")
        }
        if self.settings.get("enable_http_compression", "1").lower() in ("0", "false"):
            return None
        return next((way for way in ("zstd", "lz4", "gzip", "deflate") if way in offered), None)


def split_fields(fields: Iterable[tuple[str, str]]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Reserved fields, query parameters (`param_…`) and the rest.

    >>> split_fields([("query_id", "a"), ("param_x", "1"), ("max_threads", "2")])
    ({'query_id': 'a'}, {'x': '1'}, {'max_threads': '2'})
    """
    reserved: dict[str, str] = {}
    params: dict[str, str] = {}
    rest: dict[str, str] = {}
    for name, value in fields:
        if name in _RESERVED:
            reserved[name] = value
        elif name.startswith("param_"):
            params[name[6:]] = value
        else:
            rest[name] = value
    return reserved, params, rest


def request_of(method: str, url_query: bytes, headers: Mapping[str, str], users: Users) -> Request:
    """The request, its user authenticated; raises ClickHouseError for a wrong password or a broken parameter."""
    # bytes that are not UTF-8 go through unchanged, as SQL may hold any
    text = url_query.decode("ascii", "surrogateescape")
    pairs = parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="surrogateescape")
    reserved, params, settings = split_fields(pairs)
    user = users.authenticated(*_credentials(reserved, headers))
    multipart = headers.get("content-type", "").lower().startswith("multipart/form-data")
    external = {name: settings.pop(name) for name in list(settings) if multipart and name.endswith(_EXTERNAL)}
    for name in (*settings, *params):
        if not _NAME.fullmatch(name):
            raise refusal("BAD_ARGUMENTS", f"Not a name of a setting or parameter: {name[:100]!r}")
    return Request(
        user=user,
        method=method,
        headers=headers,
        query=reserved.get("query", "").encode("utf-8", "surrogateescape"),
        query_id=reserved.get("query_id") or str(uuid4()),
        database=reserved.get("database") or headers.get("x-clickhouse-database") or "default",
        default_format=headers.get("x-clickhouse-format") or reserved.get("default_format"),
        session_id=reserved.get("session_id") or None,
        session_seconds=_session_seconds(reserved.get("session_timeout")),
        session_check=reserved.get("session_check") == "1",
        close_session=reserved.get("close_session") == "1",
        compress=_is_on(reserved.get("compress")),
        decompress=_is_on(reserved.get("decompress")),
        wait_end=_is_on(reserved.get("wait_end_of_query")),
        settings=settings,
        params=params,
        external=external,
    )


def _is_on(value: str | None) -> bool:
    return (value or "").lower() in ("1", "true")


def _session_seconds(given: str | None) -> int:
    if given is None:
        return _SESSION_SECONDS
    if not given.isascii() or not given.isdigit() or int(given) > _SESSION_SECONDS_MOST:
        most = _SESSION_SECONDS_MOST
        raise refusal(
            "INVALID_SESSION_TIMEOUT", f"Session timeout {given[:20]!r} is not a number of at most {most}"
        )
    return int(given)


def _credentials(reserved: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    """Name and password from the one place that has them: headers of ClickHouse, Basic, or the URL."""
    named, key = headers.get("x-clickhouse-user"), headers.get("x-clickhouse-key")
    basic = headers.get("authorization")
    in_url = "user" in reserved or "password" in reserved
    in_headers = named is not None or key is not None
    if in_headers + (basic is not None) + in_url > 1:
        told = "Invalid authentication: it is not allowed to use several ways of authentication at once"
        raise refusal("AUTHENTICATION_FAILED", told)
    if basic is not None:
        return _basic(basic)
    if in_headers:
        return named or "default", key or ""
    return reserved.get("user", "default"), reserved.get("password", "")


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise refusal(
            "AUTHENTICATION_FAILED", f"Invalid authentication: '{scheme[:20]}' scheme is not supported"
        )
    try:
        told = base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        raise refusal("AUTHENTICATION_FAILED", "Invalid authentication: broken base64") from None
    name, _, password = told.partition(":")
    return name, password
