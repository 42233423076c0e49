"""Compares rollups with a recount of what they stand for, and corrects them by rows that add what is missing."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import uuid4

import pyarrow as pa

from warehouse.rollups import ROLLUPS, Rollup

SETTLED = 1.0  # seconds after which what is being inserted is in its table and in its rollups
MOST_CELLS = 1_000_000  # corrected at once
USUAL_QUERY = 200_000  # characters that a server reads without being asked to


class ClickHouse(Protocol):
    """What checking needs of a ClickHouse client."""

    def query_arrow(self, query: str, *, settings: dict[str, object] | None = None) -> pa.Table:
        """The answer as an Arrow table."""

    def insert_arrow(
        self, table: str, arrow_table: pa.Table, *, settings: dict[str, object] | None = None
    ) -> object:
        """Insert the rows; they are on disk when this returns."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one rollup."""

    rollup: Rollup
    wrong: int  # cells that differed from a recount, and still did a moment later
    repaired: int

    @property
    def is_right(self) -> bool:
        """Whether it is as it should be now."""
        return self.wrong == self.repaired


def check(
    client: ClickHouse, *, repair: bool, rollups: Sequence[Rollup] = ROLLUPS, settled: float = SETTLED
) -> Iterator[Checked]:
    """Compare every rollup with its recount, and correct what differs where asked; beside whatever is written meanwhile.

    A listen and what it adds to a rollup appear one after the other: so only what differs twice, a moment apart and by
    as much, is wrong.
    """
    for rollup in rollups:
        first = differing(client, rollup)
        if first.num_rows and settled:
            time.sleep(settled)
        lasting = _both(first, differing(client, rollup)) if first.num_rows else first
        if repair:
            _add(client, rollup, lasting)
        yield Checked(rollup, lasting.num_rows, lasting.num_rows if repair else 0)


def correct(client: ClickHouse, days: Sequence[date], songs: Sequence[int]) -> None:
    """Correct what belongs to these days, and to these songs where a rollup tells of songs; for the one who writes, who waits."""

    def correct_one(rollup: Rollup) -> None:
        told = [f"{rollup.day} IN ({_days(days)})"]
        if "song_id" in rollup.cell:
            told.append(f"song_id IN ({', '.join(str(int(song)) for song in songs)})")
        _add(client, rollup, differing(client, rollup, " AND ".join(told)))

    with ThreadPoolExecutor(len(ROLLUPS)) as side_by_side:
        for done in [side_by_side.submit(correct_one, rollup) for rollup in ROLLUPS]:
            done.result()


def differing(client: ClickHouse, rollup: Rollup, which: str = "1") -> pa.Table:
    """The cells in which a rollup differs from a recount, each with what it lacks of every measure."""
    cell, kept = ", ".join(rollup.cell), rollup.days_kept
    if kept is not None:
        which = f"({which}) AND {rollup.day} > today() - {kept}"
    lacking = ", ".join(f"sum(counted_{name}) - sum(kept_{name}) AS {name}" for name in rollup.measures)
    sums = ", ".join(f"sum({name}) AS kept_{name}, 0 AS counted_{name}" for name in rollup.measures)
    counts = ", ".join(f"0 AS kept_{name}, {name} AS counted_{name}" for name in rollup.measures)
    differs = " OR ".join(f"{name} != 0" for name in rollup.measures)
    sql = f"""
        SELECT {cell}, {lacking}
        FROM (
            SELECT {cell}, {sums} FROM {rollup.table} WHERE {which} GROUP BY {cell}
            UNION ALL
            SELECT {cell}, {counts} FROM ({rollup.recount}) WHERE {which}
        )
        GROUP BY {cell}
        HAVING {differs}
        ORDER BY {cell}
        LIMIT {MOST_CELLS}
    """  # noqa: S608 - words of ours, and numbers
    # Only where it must be: a reader may not set it.
    room: dict[str, object] | None = {"max_query_size": 2 * len(sql)} if len(sql) > USUAL_QUERY else None
    return client.query_arrow(sql, settings=room)


def _both(one: pa.Table, other: pa.Table) -> pa.Table:
    """The rows that both tables have."""
    told = {_row(row) for row in other.to_pylist()}
    return one.filter(pa.array([_row(row) in told for row in one.to_pylist()], pa.bool_()))


def _row(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.values())


def _add(client: ClickHouse, rollup: Rollup, lacking: pa.Table) -> None:
    if lacking.num_rows:
        # A token of its own: else the server would drop a correction that is the same as an earlier one.
        token = f"correction/{uuid4()}"
        settings: dict[str, object] = {"async_insert": 0, "insert_deduplication_token": token}
        client.insert_arrow(rollup.table, lacking, settings=settings)


def _days(days: Sequence[date]) -> str:
    # Plain strings: the server takes them for days, and a call a day would be too large a query in some years.
    return ", ".join(f"'{day}'" for day in days)
