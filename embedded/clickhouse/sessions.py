"""Sessions: a connection kept between requests, with its temporary tables and settings."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from embedded.clickhouse.engine import Connection
from embedded.clickhouse.errors import refusal
from embedded.clickhouse.request import Request

__all__ = ["Session", "Sessions"]


@dataclass(slots=True, eq=False)
class Session:
    """One session. Its `connection` is opened by the first request that needs it."""

    mark: str
    connection: Connection | None = None
    database: str = ""  # which one its requests have asked for
    overridden: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # setting: (of the request, of the session)
    busy: bool = True
    expiry: asyncio.TimerHandle | None = None


class Sessions:
    """All of them, each its user's own. Used in the event loop only."""

    def __init__(self, threads: Executor, new_mark: Callable[[], str]) -> None:
        self._threads, self._new_mark = threads, new_mark
        self._sessions: dict[tuple[str, str], Session] = {}

    def acquire(self, request: Request) -> Session | None:
        """The session a request belongs to, locked for it; None for a request without.

        Raises ClickHouseError when another request uses it, or when it must exist and does not.
        """
        if request.session_id is None:
            return None
        key = request.user.name, request.session_id
        session = self._sessions.get(key)
        if session is None:
            if request.session_check:
                raise refusal("SESSION_NOT_FOUND", f"Session {request.session_id} not found")
            self._sessions[key] = session = Session(self._new_mark())
            return session
        if session.busy:
            raise refusal(
                "SESSION_IS_LOCKED", f"Session {request.session_id} is locked by a concurrent client"
            )
        session.busy = True
        if session.expiry is not None:
            session.expiry.cancel()
        return session

    def release(self, request: Request, session: Session) -> None:
        """The request has ended: the session waits for the next one, for as long as the client asked."""
        session.busy = False
        key = request.user.name, request.session_id or ""
        if request.close_session or session.connection is None:
            self._end(key)
            return
        loop = asyncio.get_running_loop()
        session.expiry = loop.call_later(request.session_seconds, self._end, key)

    def _end(self, key: tuple[str, str]) -> None:
        session = self._sessions.pop(key, None)
        if session is not None and session.connection is not None:
            self._threads.submit(session.connection.close)

    def close(self) -> None:
        """Ends those that nobody uses."""
        for key, session in tuple(self._sessions.items()):
            if session.expiry is not None:
                session.expiry.cancel()
            if not session.busy:
                self._sessions.pop(key)
                if session.connection is not None:
                    session.connection.close()
