"""Postgres: sessions whose type says whether they may write, and a plain connection for jobs and migrations."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import psycopg
from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from foundation.errors import Unreachable

log = logging.getLogger(__name__)

REPLAYED = text("SELECT coalesce(pg_last_wal_replay_lsn() >= CAST(CAST(:position AS text) AS pg_lsn), true)")
STATEMENT_LIMIT = timedelta(seconds=10)  # of a request; jobs and imports have none
CONNECT_LIMIT = timedelta(seconds=5)
IDLE = 5.0  # seconds after which a connection is asked whether it still lives before it is used
_REFUSED = (
    OSError,
    PoolTimeout,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)


class Base(DeclarativeBase):
    """What every mapped table inherits: one collection of tables for the whole catalog."""


class Reading(AsyncSession):
    """What a function asks for that only reads; of `Postgres.reading` it comes in a read-only transaction."""


class Writing(Reading):
    """A session that may write; what it wrote is committed when its block ends well."""

    def after_commit(self, follow: Callable[[], Awaitable[object]]) -> None:
        """Let this be done once everything is committed, before the request is answered; its failure harms nobody."""
        self.info.setdefault("after_commit", []).append(follow)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A pool of connections for request handlers. Closed by whoever opened it."""

    engine: AsyncEngine
    read_only: AsyncEngine
    replica: AsyncEngine | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        """A session for one request that reads. Raises Unreachable when Postgres does not answer."""
        async with Reading(self.read_only, expire_on_commit=False) as session, _answering():
            await session.connection()
            yield session

    @asynccontextmanager
    async def reading_behind(self, position: str | None) -> AsyncIterator[Reading]:
        """A session that may be answered by the replica, where there is one and it has replayed the log up to `position`.

        None asks for no position. Where the replica is behind or away, the leader answers.
        """
        if self.replica is not None:
            session = await self._on_replica(self.replica, position)
            if session is not None:
                async with session, _answering():
                    yield session
                return
        async with self.reading() as leading:
            yield leading

    @asynccontextmanager
    async def writing(
        self, wrote: Callable[[str], Awaitable[object]] | None = None
    ) -> AsyncIterator[Writing]:
        """A session for one request that writes: one transaction, committed at its end unless it raised.

        Where there is a replica, `wrote` is told the position of the log that holds what was committed.
        """
        async with _answering(), Writing(self.engine, expire_on_commit=False) as session:
            await session.connection()
            yield session
            await session.commit()
            if self.replica is not None and wrote is not None:
                await wrote(
                    str(
                        (
                            await session.execute(text("SELECT CAST(pg_current_wal_insert_lsn() AS text)"))
                        ).scalar()
                    )
                )
        for follow in session.info.get("after_commit", ()):
            try:
                await follow()
            except Exception:
                log.exception("what follows a commit failed")

    async def close(self) -> None:
        """Close every connection of the pool."""
        await self.engine.dispose()
        if self.replica is not None:
            await self.replica.dispose()

    async def _on_replica(self, replica: AsyncEngine, position: str | None) -> Reading | None:
        session = Reading(replica, expire_on_commit=False)
        try:
            async with _answering():
                await session.connection()
                if position is None or await session.scalar(REPLAYED, {"position": position}):
                    return session
        except Unreachable as away:
            log.warning("the replica is away: %s", away)
        except BaseException:
            await session.close()
            raise
        await session.close()
        return None


def open_postgres(url: str, *, replica: str = "", connections: int = 10) -> Postgres:
    """A pool on `url` (postgresql://…) of at most twice `connections`; nothing is connected before the first use."""
    engine = _engine(url, connections)
    beside = _engine(replica, connections).execution_options(postgresql_readonly=True) if replica else None
    return Postgres(engine, engine.execution_options(postgresql_readonly=True), beside)


def _engine(url: str, connections: int) -> AsyncEngine:
    engine = create_async_engine(
        asyncpg_url(url),
        pool_size=connections,
        max_overflow=connections,
        pool_timeout=CONNECT_LIMIT.total_seconds(),
        connect_args={
            "timeout": CONNECT_LIMIT.total_seconds(),
            "command_timeout": 2 * STATEMENT_LIMIT.total_seconds(),
            "server_settings": {
                "application_name": "segue",
                "statement_timeout": str(_milliseconds(STATEMENT_LIMIT)),
                "idle_in_transaction_session_timeout": str(_milliseconds(3 * STATEMENT_LIMIT)),
                "jit": "off",  # requests are short: compiling them costs more than it saves
            },
        },
    )
    _give_living(engine)
    return engine


def _give_living(engine: AsyncEngine) -> None:
    """See that after a restart of Postgres no request meets a dead connection.

    SQLAlchemy's own way asks at every use, which is a fifteenth of what a writing request waits for. A connection that
    was used just now is known to be dead from its socket alone; one that stood idle may have been forgotten on the way.
    """
    pool = engine.sync_engine.pool

    def returned(_connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    def taken(connection: Any, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        now = time.monotonic()
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError
        if now - record.info.get("used_at", now) > IDLE:
            try:
                engine.dialect.do_ping(connection)
            except Exception as error:
                raise InvalidatePoolError from error

    event.listen(pool, "checkin", returned)
    event.listen(pool, "checkout", taken)


@contextmanager
def connection(url: str, *, name: str = "segue") -> Iterator[psycopg.Connection]:
    """A connection for a job: each statement stands alone, except inside `with db.transaction():`.

    Raises Unreachable when Postgres does not answer, at the start or later.
    """
    limit = int(CONNECT_LIMIT.total_seconds())
    try:
        db = psycopg.connect(url, autocommit=True, connect_timeout=limit, application_name=name)
    except psycopg.OperationalError as error:
        raise _unreachable(error) from error
    with db:
        try:
            yield db
        except psycopg.OperationalError as error:
            if not db.broken:
                raise
            raise _unreachable(error) from error


@contextmanager
def alone(db: psycopg.Connection, lock: int) -> Iterator[bool]:
    """Whether this process is the one that holds a lock, while the block runs. Postgres frees it at disconnect.

    Where a block raises, the caller's disconnecting does it.
    """
    row = db.execute("SELECT pg_try_advisory_lock(%s)", (lock,)).fetchone()
    is_ours = bool(row and row[0])
    yield is_ours
    if is_ours:
        db.execute("SELECT pg_advisory_unlock(%s)", (lock,))


def sync_engine(url: str) -> Engine:
    """A SQLAlchemy engine over psycopg that keeps no connection, for tools that ask for one."""
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)


def asyncpg_url(url: str) -> URL:
    """The URL as SQLAlchemy's asyncpg dialect wants it: libpq's `sslmode` is called `ssl` there.

    >>> asyncpg_url("postgresql://me@db/music?sslmode=require").render_as_string()
    'postgresql+asyncpg://me@db/music?ssl=require'
    """
    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    if "sslmode" not in parsed.query:
        return parsed
    return parsed.update_query_dict({"ssl": str(parsed.query["sslmode"])}).difference_update_query(
        ["sslmode"]
    )


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except _REFUSED as error:
        raise _unreachable(error) from error
    except DBAPIError as error:
        if error.connection_invalidated or _is_unavailable(error):
            raise _unreachable(error) from error
        raise


def _is_unavailable(error: DBAPIError) -> bool:
    """Whether Postgres is starting, stopping or full, or gave up for want of time or order, rather than refusing the statement.

    SQLSTATE: class 08, 53300, 57P01 to 57P03; 57014 is a statement over its time, 40P01 a deadlock.
    """
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return state.startswith("08") or state in {"40001", "40P01", "53300", "57014", "57P01", "57P02", "57P03"}


def _unreachable(error: BaseException) -> Unreachable:
    reason = str(error).strip().split("\n", maxsplit=1)[0]
    return Unreachable(f"Postgres does not answer: {reason}", engine="postgres")


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
