"""Counts charts in the warehouse: whole lists, single songs or artists, what is new, and what all are called."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from serving.trending.boards import CHARTS, LENGTH, Boards, boards_of
from serving.trending.moves import Ints
from serving.trending.rising import LEAST, PRIOR
from serving.trending.schemas import Of, View
from warehouse.migrate import query

CAP = 3  # listens of one listener to one song on one day that count in a cleaned chart
AT_ONCE = 1_000  # ids in one question: they travel in its address
MOST = 200_000  # songs, countries and minutes that one look may bring; when there are more, charts are counted anew

Parameters = Mapping[str, str | int | float]
CELLS, REPEATS, LISTS, TOTALS = (
    query(f"chart_{name}").strip() for name in ("cells", "repeats", "lists", "totals")
)
FRESH, POSITION, SONGS, ARTISTS = (
    query(f"chart_{name}") for name in ("fresh", "position", "songs", "artists")
)
ENTITIES: Mapping[Of, str] = {"songs": query("chart_of_songs"), "artists": query("chart_of_artists")}
THESE: Mapping[Of, str] = {
    "songs": "AND song_id IN {ids:Array(UInt64)}",
    "artists": "AND song_id IN (SELECT song_id FROM songs WHERE artist_id IN {ids:Array(UInt64)})",
}


class AsyncRaw(Protocol):
    """What counting needs of an asynchronous ClickHouse client."""

    async def raw_query(
        self, query: str, parameters: dict[str, Any] | None = None, *, fmt: str | None = None
    ) -> bytes:
        """The answer in a format of ClickHouse."""

    async def close(self) -> None:
        """Let go of the connections."""


@dataclass(slots=True)
class Counting:
    """Asks the warehouse, over a connection that is opened with the first question."""

    connect: Callable[[], Awaitable[AsyncRaw]]
    _client: AsyncRaw | None = field(default=None)

    async def lists(self, of: Of, view: View, told: Parameters, growth: float | None) -> Boards:
        """The lists of a window: most played, or with its growth (`growth_of`) those that rise."""
        sql = lists_sql(of, view)
        return await asyncio.to_thread(boards_of, await self._ask(sql, _ordered(told, growth)), LENGTH)

    async def some(self, of: Of, told: Parameters, ids: Ints) -> Boards:
        """The same lists of these songs or artists alone."""
        sql = lists_sql(of, "raw", only_some=True)
        asked = {**_ordered(told, None), "ids": ids.tolist()}
        return boards_of(await self._ask(sql, asked), len(ids) + 1)

    async def growth_of(self, view: View, told: Parameters) -> float | None:
        """All listens of a window for one of the time before it; None where there were none."""
        (row,) = (
            await self._ask(TOTALS.replace("/* cells */", cells_sql(view)), {**told, "cap": CAP})
        ).to_pylist()
        return row["heard"] / row["before"] if row["before"] > 0 else None

    async def fresh(self, position: int, lookback: int) -> pa.Table:
        """What became visible after a block, told within so many seconds."""
        return await self._ask(FRESH, {"position": position, "lookback": lookback, "most": MOST})

    async def position(self) -> tuple[int, int]:
        """The newest block of the last minutes, 0 for none, and the warehouse's time in epoch seconds."""
        (row,) = (await self._ask(POSITION, {})).to_pylist()
        return row["newest"], row["at"]

    async def songs(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """What these songs are called now."""
        return await self._named(SONGS, ids)

    async def artists(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """What these artists are called now."""
        return await self._named(ARTISTS, ids)

    async def close(self) -> None:
        """Let go of the warehouse."""
        if self._client is not None:
            await self._client.close()

    async def _named(self, sql: str, ids: Sequence[int]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(ids), AT_ONCE):
            found += (await self._ask(sql, {"ids": list(ids[start : start + AT_ONCE])})).to_pylist()
        return found

    async def _ask(self, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
        if self._client is None:
            self._client = await self.connect()
        answer = await self._client.raw_query(sql, dict(parameters), fmt="ArrowStream")
        return await asyncio.to_thread(lambda: pa.ipc.open_stream(answer).read_all())


def cells_sql(view: View, *, only_some: str = "") -> str:
    """The query `chart_cells`, without repeats where the view is cleaned, of some songs where a condition says which."""
    sql = CELLS.replace("/* without repeats */", REPEATS if view == "cleaned" else "")
    return sql.replace("/* these */", only_some)


def lists_sql(of: Of, view: View, *, only_some: bool = False) -> str:
    """The query `chart_lists` over such cells."""
    cells = cells_sql(view, only_some=THESE[of] if only_some else "")
    length = AT_ONCE if only_some else LENGTH
    sql = LISTS.replace("/* entities */", ENTITIES[of]).replace("/* length */", str(length))
    return sql.replace("/* cells */", cells)


def _ordered(told: Parameters, growth: float | None) -> dict[str, Any]:
    given = {"growth": -1.0 if growth is None else growth, "prior": PRIOR, "least": LEAST}
    return {**told, **given, "charts": CHARTS, "cap": CAP}
