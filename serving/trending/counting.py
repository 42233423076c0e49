"""Counts charts in the warehouse: whole lists, single songs or artists, what is new, and what all are called."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foundation.engines.opening import Opening
from serving.trending.boards import CHARTS, LENGTH, Boards, boards_of
from serving.trending.moves import TOLD, Ints
from serving.trending.rising import KEPT, PRIOR
from serving.trending.schemas import SOURCE_OF, Of, Source, View
from warehouse.migrate import query

CAP = 3  # listens of one listener to one song on one day that count in a cleaned chart, and searches for one thing
COUNTED_WITHIN = 300  # seconds that the warehouse may take for one question: as long as it lets a reader ask
AT_ONCE = 1_000  # ids in one question: they travel in its address
REPEATERS = 1_500  # listeners, songs and days in one: a server takes 128 KiB of them
MOST = 200_000  # songs, playlists, countries and minutes that one look may bring; more, and charts are counted anew
NEWEST = 2**63 - 1  # a block that is never reached

Parameters = Mapping[str, str | int | float]
CELLS, SEARCH_CELLS, REPEATS, LISTS, TOTALS, SONGS_OF, GROUPS_OF, SEARCHES_OF = (
    query(f"chart_{name}").strip()
    for name in (
        "cells",
        "search_cells",
        "repeats",
        "lists",
        "totals",
        "of_songs",
        "of_groups",
        "of_searches",
    )
)
FRESH, FRESH_REPEATERS, FRESH_REPEATS, POSITION = (
    query(f"chart_{name}") for name in ("fresh", "fresh_repeaters", "fresh_repeats", "position")
)
NAMES: Mapping[Of, str] = {
    "songs": query("chart_songs"),
    "artists": query("chart_artists"),
    "albums": query("chart_albums"),
    "playlists": query("chart_public"),  # its name is the catalog's to tell
}
ENTITIES: Mapping[Of, str] = {
    "songs": SONGS_OF,
    "artists": GROUPS_OF.replace("/* entity */", "songs.artist_id"),
    "albums": GROUPS_OF.replace("/* entity */", "songs.album_id"),
    "playlists": GROUPS_OF.replace("/* entity */", "cells.playlist_id"),
    "searches": SEARCHES_OF,
}
THESE: Mapping[Of, str] = {
    "songs": "AND song_id IN {ids:Array(UInt64)}",
    "artists": "AND song_id IN (SELECT song_id FROM songs WHERE artist_id IN {ids:Array(UInt64)})",
    "albums": "AND song_id IN (SELECT song_id FROM songs WHERE album_id IN {ids:Array(UInt64)})",
    "playlists": "AND playlist_id IN {ids:Array(UInt64)}",
}
SQL = (
    *(CELLS, SEARCH_CELLS, REPEATS, LISTS, TOTALS, SONGS_OF, GROUPS_OF, SEARCHES_OF),
    *(FRESH, FRESH_REPEATERS, FRESH_REPEATS, POSITION, *NAMES.values()),
)
PUBLIC = "playlist_id IN (SELECT playlist_id FROM playlists FINAL WHERE is_public)"
KNOWN = "song_id IN (SELECT song_id FROM songs FINAL WHERE NOT is_removed)"
COUNTED: Mapping[Source, str] = {"listens": KNOWN, "playlists": KNOWN, "searches": "1"}
"""Which cells of a source its totals are of."""


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
    listeners: int = 5  # different ones, of whom a search that is told names none
    _opening: Opening[AsyncRaw] = field(init=False)

    def __post_init__(self) -> None:
        self._opening = Opening(self.connect)

    async def lists(self, of: Of, view: View, told: Parameters, growth: float | None) -> pa.Table:
        """The lists of a window, LENGTH of each: most played, or with its growth (`totals`) those that rise."""
        sql = lists_sql(of, view, listeners=self.listeners)
        return (await self._ask(sql, _ordered(view, told, growth, KEPT))).drop_columns(["listed"])

    async def some(self, of: Of, view: View, told: Parameters, ids: Ints) -> Boards:
        """The same lists of these alone, whatever they have."""
        asked = {**_ordered(view, told, None, -1.0), "ids": ids.tolist()}
        return boards_of(await self._ask(lists_sql(of, view, only_some=True), asked), len(ids) + 1)

    async def totals(self, source: Source, view: View, told: Parameters) -> tuple[int, int]:
        """All of a window, and of the time that it is compared with."""
        sql = TOTALS.replace("/* cells */", cells_sql(source, view)).replace("/* which */", COUNTED[source])
        (row,) = (await self._ask(sql, _ordered(view, told, None, -1.0))).to_pylist()
        return row["heard"] or 0, row["before"] or 0

    async def moves(self, told: Parameters) -> tuple[int, pa.Table] | None:
        """What the blocks after `position` up to `newest` tell, within so many seconds (`lookback`), as rows of TOLD, and the newest
        of them; None where it is too much. Playlists that not everyone may see are none.
        """
        fresh = await self._ask(FRESH, {**told, "most": MOST})
        if len(fresh) >= MOST:
            return None
        if not len(fresh):
            return int(told["position"]), TOLD.empty_table()
        newest = pc.max(fresh["newest"]).as_py()
        nothing = np.zeros(len(fresh), np.int64)
        parts = [fresh.append_column("repeats", [nothing]), *await self._repeats({**told, "newest": newest})]
        moves = pa.concat_tables(part.select(TOLD.names).cast(TOLD) for part in parts)
        return newest, await self._without_private(moves)

    async def _repeats(self, told: Parameters) -> list[pa.Table]:
        """How many repeats more or less there are by the block `newest` than by the block `position`."""
        asked: dict[str, Any] = {**told, "cap": CAP}
        repeaters = (await self._ask(FRESH_REPEATERS, asked)).to_pylist()
        found: list[pa.Table] = []
        for start in range(0, len(repeaters), REPEATERS):
            some = repeaters[start : start + REPEATERS]
            keys = [(each["day"], each["listener_id"], each["song_id"]) for each in some]
            asked |= {"keys": keys, "listeners": sorted({listener for _, listener, _ in keys})}
            part = await self._ask(FRESH_REPEATS, asked)
            found.append(part.append_column("listens", [np.zeros(len(part), np.int64)]))
        return found

    async def _without_private(self, moves: pa.Table) -> pa.Table:
        playlists = moves["playlist_id"].to_numpy()
        some = np.setdiff1d(playlists, [0]).tolist()
        public = [row["playlist_id"] for row in await self.named("playlists", some)]
        kept = np.where(np.isin(playlists, public), playlists, 0)
        return moves.set_column(TOLD.get_field_index("playlist_id"), TOLD.field("playlist_id"), [kept])

    async def position(self) -> tuple[int, int]:
        """The newest block of the last minutes, 0 for none, and the warehouse's time in epoch seconds."""
        (row,) = (await self._ask(POSITION, {})).to_pylist()
        return row["newest"], row["at"]

    async def named(self, of: Of, ids: Sequence[int]) -> list[dict[str, Any]]:
        """What these are called now; of playlists, which of them everyone may see."""
        found: list[dict[str, Any]] = []
        for start in range(0, len(ids), AT_ONCE):
            found += (await self._ask(NAMES[of], {"ids": list(ids[start : start + AT_ONCE])})).to_pylist()
        return found

    async def close(self) -> None:
        """Let go of the warehouse."""
        await self._opening.close()

    async def _ask(self, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
        client = await self._opening.client()
        answer = await client.raw_query(sql, dict(parameters), fmt="ArrowStream")
        return await asyncio.to_thread(lambda: pa.ipc.open_stream(answer).read_all())


def cells_sql(source: Source, view: View, *, only_some: str = "") -> str:
    """The rows that a source's charts add up, without repeats where the view is cleaned; some alone where a condition says which."""
    if source == "searches":
        return SEARCH_CELLS
    table, playlist, which = (
        ("playlist", "playlist_id", f"AND {PUBLIC} ") if source == "playlists" else ("chart", "0", "")
    )
    sql = CELLS.replace("/* without repeats */", REPEATS if view == "cleaned" else "")
    sql = sql.replace("/* hours */", f"{table}_hours").replace("/* days */", f"{table}_days")
    return sql.replace("/* playlist */", playlist).replace("/* these */", which + only_some)


def lists_sql(of: Of, view: View, *, listeners: int = 1, only_some: bool = False) -> str:
    """The query `chart_lists` over such cells; searches are told that so many listeners made."""
    cells = cells_sql(SOURCE_OF[of], view, only_some=THESE[of] if only_some else "")
    told = {
        "/* entities */": ENTITIES[of],
        "/* cells */": cells,
        "/* length */": str(AT_ONCE if only_some else LENGTH),
        "/* listeners */": str(listeners),
        "/* text */": ", text" if of == "searches" else "",
        "/* texts */": ", arrayMap(each -> each.6, listed) AS texts" if of == "searches" else "",
    }
    sql = LISTS
    for mark, words in told.items():
        sql = sql.replace(mark, words)
    return sql


def _ordered(view: View, told: Parameters, growth: float | None, least: float) -> dict[str, Any]:
    given = {"growth": -1.0 if growth is None else growth, "prior": PRIOR, "least": least}
    if growth is None:
        given["least"] = min(least, 0.0)
    return {**told, **given, "charts": CHARTS, "cap": CAP if view == "cleaned" else 0}
