"""Asks the warehouse's questions of the request path, as the user who may only read."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import polars as pl

from foundation.engines.clickhouse import ClickHouseError, reachable
from foundation.engines.opening import Opening
from foundation.errors import Unreachable
from serving.statistics.errors import AskedTooMuch
from warehouse.migrate import query

GIVEN_UP = frozenset(
    {158, 159, 241, 307, 396}
)  # too many rows, too long, too much memory, bytes, or rows told
UNKNOWN_TABLE = 60  # the shipper makes them when it starts
MILLISECOND = timedelta(milliseconds=1)
Schema = Mapping[str, Any]


class ArrowQueries(Protocol):
    """What statistics need of an asynchronous ClickHouse client."""

    async def query_arrow(self, query: str, parameters: dict[str, Any] | None = None) -> Any:
        """The result as an Arrow table."""

    async def close(self) -> None:
        """Let go of the connections."""


class Warehouse:
    """One client for the process, opened by the first question: a warehouse that is away delays no start."""

    def __init__(self, connect: Callable[[], Awaitable[ArrowQueries]]) -> None:
        self._opening = Opening(connect)

    async def ask(self, name: str, schema: Schema, **parameters: object) -> pl.DataFrame:
        """What a query of warehouse/queries answers, as the columns of `schema`. Raises Unreachable, AskedTooMuch."""
        try:
            with reachable():
                client = await self._opening.client()
                table = await client.query_arrow(query(name), parameters=parameters)
        except ClickHouseError as error:
            code = getattr(error, "code", None)
            if code == UNKNOWN_TABLE:
                raise Unreachable("the warehouse has no tables yet", engine="clickhouse") from error
            if code in GIVEN_UP:
                raise AskedTooMuch("the warehouse gave this question up: ask for fewer days") from error
            raise
        answer = pl.DataFrame(table)
        return answer.select(pl.col(column).cast(kind) for column, kind in schema.items())

    async def close(self) -> None:
        """Let go of the warehouse."""
        await self._opening.close()


def milliseconds(moment: datetime) -> int:
    """Since 1970, as the queries take a moment.

    >>> from datetime import UTC
    >>> milliseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000
    """
    return (moment - datetime(1970, 1, 1, tzinfo=moment.tzinfo)) // MILLISECOND
