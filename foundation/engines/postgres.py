"""Postgres: sessions whose type says whether they may write, and a plain connection for jobs and migrations."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import psycopg
from sqlalchemy import URL, Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from foundation.errors import Unreachable

STATEMENT_LIMIT = timedelta(seconds=10)  # of a request; jobs and imports have none
CONNECT_LIMIT = timedelta(seconds=5)
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


@dataclass(frozen=True, slots=True)
class Postgres:
    """A pool of connections for request handlers. Closed by whoever opened it."""

    engine: AsyncEngine
    read_only: AsyncEngine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        """A session for one request that reads. Raises Unreachable when Postgres does not answer."""
        async with Reading(self.read_only, expire_on_commit=False) as session, _answering():
            await session.connection()
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """A session for one request that writes: one transaction, committed at its end unless it raised."""
        async with _answering(), Writing(self.engine, expire_on_commit=False) as session:
            await session.connection()
            yield session
            await session.commit()

    async def close(self) -> None:
        """Close every connection of the pool."""
        await self.engine.dispose()


def open_postgres(url: str, *, connections: int = 10) -> Postgres:
    """A pool on `url` (postgresql://…) of at most twice `connections`; nothing is connected before the first use."""
    engine = create_async_engine(
        asyncpg_url(url),
        pool_size=connections,
        max_overflow=connections,
        pool_timeout=CONNECT_LIMIT.total_seconds(),
        pool_pre_ping=True,  # after a restart of Postgres no request meets a dead connection
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
    return Postgres(engine, engine.execution_options(postgresql_readonly=True))


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
    """Whether Postgres is starting, stopping or full, rather than refusing the statement (SQLSTATE classes 08, 53, 57)."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return state.startswith("08") or state in {"53300", "57P01", "57P02", "57P03"}


def _unreachable(error: BaseException) -> Unreachable:
    reason = str(error).strip().split("\n", maxsplit=1)[0]
    return Unreachable(f"Postgres does not answer: {reason}", engine="postgres")


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
