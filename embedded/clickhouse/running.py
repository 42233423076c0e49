"""The queries that run now: counting them, finding them by their id, and stopping them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from embedded.clickhouse.errors import ClickHouseError, refusal
from embedded.clickhouse.request import Request

__all__ = ["Query", "Running"]

_AGAIN = 0.1  # seconds: a query may not have begun when it is first asked to stop


@dataclass(slots=True, eq=False)
class Query:
    """A request that is being answered."""

    query_id: str
    user: str
    mark: str  # of its connection, in system.processes
    done: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Task[None] | None = None


class Running:
    """All of them. Used in the event loop only, but for `ids`."""

    def __init__(self, kill: Callable[[str], None], *, most: int) -> None:
        self._kill, self._most = kill, most
        self._queries: set[Query] = set()
        self._killer = ThreadPoolExecutor(1, thread_name_prefix="kill")

    def add(self, request: Request, mark: str) -> Query:
        """A new one; raises ClickHouseError when there are too many, or one with its id."""
        if len(self._queries) >= self._most:
            raise refusal(
                "TOO_MANY_SIMULTANEOUS_QUERIES", f"Too many simultaneous queries. Maximum: {self._most}"
            )
        for query in self._queries:
            if query.query_id == request.query_id and query.user == request.user.name:
                told = f"Query with id = {request.query_id} is already running"
                raise refusal("QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", told)
        query = Query(request.query_id, request.user.name, mark)
        self._queries.add(query)
        return query

    def remove(self, query: Query) -> None:
        """It has ended."""
        self._queries.discard(query)
        query.done.set()

    def ids(self) -> dict[str, str]:
        """The clients' query ids by mark."""
        return {query.mark: query.query_id for query in tuple(self._queries)}

    def stop(self, query: Query) -> None:
        """Has it killed, again and again until it has ended."""
        if query.stopping is None and not query.done.is_set():
            query.stopping = asyncio.create_task(self._stop(query))

    async def _stop(self, query: Query) -> None:
        loop = asyncio.get_running_loop()
        while not query.done.is_set():
            with suppress(ClickHouseError):
                await loop.run_in_executor(self._killer, self._kill, query.mark)
            with suppress(TimeoutError):
                await asyncio.wait_for(query.done.wait(), _AGAIN)

    async def end(self, *, grace: float, limit: float) -> bool:
        """Lets every query end, then stops them; whether all have ended in time. For seconds of each."""
        if not await self._ended(grace):
            for query in tuple(self._queries):
                self.stop(query)
        return await self._ended(limit)

    async def _ended(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._queries:
                    await next(iter(self._queries)).done.wait()
        return not self._queries
