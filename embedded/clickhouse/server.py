"""The ASGI application: ClickHouse's HTTP interface in front of the embedded engine."""

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from embedded.clickhouse.answers import Answering, Send, say
from embedded.clickhouse.channels import Feed, Reply
from embedded.clickhouse.engine import Engine
from embedded.clickhouse.errors import ClickHouseError, from_engine, refusal
from embedded.clickhouse.request import Request, Users, request_of
from embedded.clickhouse.rules import Rules
from embedded.clickhouse.running import Query, Running
from embedded.clickhouse.sessions import Session, Sessions
from embedded.clickhouse.work import Answer, Work

__all__ = ["Front"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

QUERIES_MOST = 64  # at once: each has a thread
URL_MOST = 1 << 20
_GRACE_SECONDS = 1.0
_KILL_SECONDS = 5.0


class Front:
    """Answers requests, each in a thread with a connection of its own, or with its session's."""

    def __init__(self, engine: Engine, users: Users) -> None:
        self._engine, self._users = engine, users
        self._rules = Rules.of(engine.table_functions)
        self._threads = ThreadPoolExecutor(QUERIES_MOST + 2, thread_name_prefix="query")
        self._marks = itertools.count(1)
        self._running = Running(engine.kill, most=QUERIES_MOST)
        self._sessions = Sessions(self._threads, self._new_mark)
        self._server = socket.gethostname()
        self.is_idle = True  # whether no thread is left in the engine, once the application has ended

    def _new_mark(self) -> str:
        return f"c{next(self._marks)}"

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One connection's next request, or the life of the application."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._route(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.is_idle = await self.end_queries()
                self._sessions.close()
                self._threads.shutdown(wait=self.is_idle)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def end_queries(self) -> bool:
        """Lets what runs end, or kills it after a second; whether everything has ended."""
        return await self._running.end(grace=_GRACE_SECONDS, limit=_KILL_SECONDS)

    async def _route(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        asks = scope["query_string"]
        if path in ("/ping", "/replicas_status") or (path == "/" and method in ("GET", "HEAD") and not asks):
            await say(send, 200, b"Ok.\n")
        elif path not in ("/", "/query"):
            told = f"There is no handle {path}\nUse / or /ping for health checks.\nOr send queries from your program "
            await say(
                send, 404, f"{told}with POST method or GET with ?query= parameter.\n".encode(errors="replace")
            )
        elif method not in ("GET", "POST", "PUT"):
            await say(send, 501, b"Only GET, POST and PUT are understood.\n")
        else:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            await self._query(method, asks, headers, receive, send)

    async def _query(
        self, method: str, asks: bytes, headers: dict[str, str], receive: Receive, send: Send
    ) -> None:
        try:
            if len(asks) > URL_MOST:
                raise refusal("BAD_ARGUMENTS", f"The URL is longer than {URL_MOST} bytes")
            request = request_of(method, asks, headers, self._users)
            session = self._sessions.acquire(request)
            try:
                query = self._running.add(request, session.mark if session else self._new_mark())
            except BaseException:
                if session is not None:
                    self._sessions.release(request, session)
                raise
        except ClickHouseError as error:
            body = f"{error.text(self._engine.version)}\n".encode(errors="replace")
            challenge = (
                [("www-authenticate", 'Basic realm="ClickHouse server HTTP API"')]
                if error.status == 401
                else []
            )
            await say(
                send, error.status, body, [("x-clickhouse-exception-code", str(error.code)), *challenge]
            )
            return
        await self._answer(request, session, query, receive, send)

    async def _answer(
        self, request: Request, session: Session | None, query: Query, receive: Receive, send: Send
    ) -> None:
        """Runs the query in a thread while its body comes in, and sends what it gives."""
        loop = asyncio.get_running_loop()
        feed, reply = Feed(loop), Reply(loop)
        work = Work(
            engine=self._engine,
            rules=self._rules,
            request=request,
            body=feed,
            reply=reply,
            mark=query.mark,
            session=session,
            ids=self._running.ids,
        )
        job = asyncio.ensure_future(self._finished(work, query, session))
        job.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # somebody has seen it
        watch = asyncio.create_task(_feed(feed, receive))
        watch.add_done_callback(lambda _: self._running.stop(query))  # the client has gone
        answering = Answering(send, self._engine.version, self._engine.timezone, self._server, request)
        try:
            first: set[asyncio.Future[Any]] = {job, reply.started}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if reply.started.done():
                format_, pipe = reply.started.result()
                await answering.streamed(format_, pipe, job)
            else:
                answer = await job
                await answering.all_at_once(answer, answer.body)
        except ClickHouseError as error:
            await answering.error(error)
        except TimeoutError:
            pass  # the client has stopped reading: its connection is closed, as the body has no end
        finally:
            if not job.done():
                self._running.stop(query)
                # a cancelled request leaves its thread to end by itself: the query is being killed
            reply.abandon()
            watch.cancel()

    async def _finished(self, work: Work, query: Query, session: Session | None) -> Answer:
        """The work done in its thread; what it held is free again only when the thread has ended."""
        loop = asyncio.get_running_loop()
        thread = loop.run_in_executor(self._threads, work.run)
        thread.add_done_callback(lambda _: self._release(work.request, query, session))
        try:
            return await asyncio.shield(thread)
        except ClickHouseError:
            raise
        except Exception as error:
            raise from_engine(error) from error

    def _release(self, request: Request, query: Query, session: Session | None) -> None:
        self._running.remove(query)
        if session is not None:
            self._sessions.release(request, session)


async def _feed(feed: Feed, receive: Receive) -> None:
    """Hands the body over as it comes; then waits until the client goes away."""
    whole = False
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            if message.get("body"):
                await feed.put(message["body"])
            if not whole and not message.get("more_body", False):
                whole = True
                feed.end()
    finally:
        if not whole:
            feed.abort()
