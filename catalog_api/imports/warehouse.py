"""What the warehouse holds already, so that an import adds only the rest and can say how much that is."""

from typing import Any, Protocol

import polars as pl

from foundation.contracts.tables import ImportedCounts, Listens, Seen
from foundation.engines.clickhouse import ExternalData, reachable, sent_along

IDS_AT_ONCE = 50_000  # in one table sent along
IMPORTED_VERSION = 8  # of the UUIDs that foundation.ids.hashed_play_id makes

_HELD_PLAYS = f"""
    SELECT {Seen.play_key} FROM {Seen.table}
    WHERE {Seen.kind} = 'end' AND {Seen.play_key} IN (SELECT {Seen.play_key} FROM asked)
"""  # noqa: S608 - names from the contract
# What was not made by an import is not seen for ever; its listens are there for ever, next to each other a listener.
_OWN_LISTENS = f"""
    SELECT {Listens.play_id} AS {Seen.play_key} FROM {Listens.table}
    WHERE {Listens.listener_id} = {{listener:UInt64}}
        AND {Listens.listened_at} BETWEEN {{since:DateTime64(3, 'UTC')}} AND {{until:DateTime64(3, 'UTC')}}
"""  # noqa: S608 - names from the contract
_HELD_COUNTS = f"""
    SELECT {ImportedCounts.listener_id}, {ImportedCounts.song_id}, {ImportedCounts.plays}
    FROM {ImportedCounts.table} FINAL WHERE {ImportedCounts.origin} = {{origin:String}}
"""  # noqa: S608 - names from the contract


class Warehouse(Protocol):
    """What is needed of a ClickHouse client that reads."""

    def query_arrow(
        self,
        query: str,
        parameters: dict[str, Any] | None = None,
        *,
        external_data: ExternalData | None = None,
    ) -> Any:
        """The rows of a query, which may read a table that is sent along, as an Arrow table."""


def fresh_of(plays: pl.DataFrame, warehouse: Warehouse) -> pl.DataFrame:
    """The plays, with `listener_id`, that the warehouse holds in no form."""
    return without_own_listens(without_held_plays(plays, warehouse), warehouse)


def without_held_plays(plays: pl.DataFrame, warehouse: Warehouse) -> pl.DataFrame:
    """The plays (by `play_id`) whose end the warehouse has not seen."""
    ids = plays["play_id"].sort()  # ids begin with their time: sorted, each query touches few granules
    held = [_held(part, warehouse) for part in ids.to_frame().iter_slices(IDS_AT_ONCE)]
    if not held:
        return plays
    return plays.join(pl.concat(held), on="play_id", how="anti", maintain_order="left")


def without_own_listens(plays: pl.DataFrame, warehouse: Warehouse) -> pl.DataFrame:
    """The plays without those that were exported from here and are listens of the same listener still.

    An import makes ids of version 8; a play with another began here. An export is one listener's: of others nothing is
    looked up.
    """
    version = pl.col("play_id").bin.slice(6, 1).bin.reinterpret(dtype=pl.UInt8) // 16
    own = plays.filter(version != IMPORTED_VERSION)
    if own["listener_id"].n_unique() != 1:
        return plays
    asked = {
        "listener": own.item(0, "listener_id"),
        "since": own["started_at"].min(),
        "until": own["started_at"].max(),
    }
    with reachable():
        held = _frame(warehouse.query_arrow(_OWN_LISTENS, parameters=asked))
    return plays.join(
        held.select(pl.col(Seen.play_key).cast(pl.Binary).alias("play_id")),
        on="play_id",
        how="anti",
        maintain_order="left",
    )


def without_held_counts(counts: pl.DataFrame, source: str, warehouse: Warehouse) -> pl.DataFrame:
    """The counts that the warehouse does not hold, or holds with another value."""
    key = ["listener_id", "song_id", "plays"]
    with reachable():
        told = warehouse.query_arrow(_HELD_COUNTS, parameters={"origin": source})
    held = _frame(told).select(pl.col(key).cast(pl.UInt64))
    return counts.join(held, on=key, how="anti", maintain_order="left")


def _held(part: pl.DataFrame, warehouse: Warehouse) -> pl.DataFrame:
    ids = b"".join(part["play_id"].to_list())
    asked = sent_along("asked", f"{Seen.play_key} FixedString(16)", ids)
    with reachable():
        told = warehouse.query_arrow(_HELD_PLAYS, external_data=asked)
    return _frame(told).select(pl.col(Seen.play_key).cast(pl.Binary).alias("play_id"))


def _frame(table: object) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()
