"""The same features as of a past moment, from the warehouse: what serving would have known then, for training."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import polars as pl
from polars._typing import PolarsDataType

from feature_store.definitions import RECENT_SONGS
from foundation.contracts.tables import Listens
from foundation.ids import UserId

RECENT_SONGS_SQL = (Path(__file__).parent / "recent_songs.sql").read_text()
LISTENERS_AT_ONCE = 1000  # their ids travel in the request's address, which servers cut at some length

SCHEMA: dict[str, PolarsDataType] = {
    Listens.listener_id: pl.UInt64,
    Listens.song_id: pl.UInt64,
    Listens.listened_at: pl.Datetime("ms", "UTC"),
}


class Queries(Protocol):
    """What reading features needs of a ClickHouse client."""

    def query_arrow(self, query: str, parameters: dict[str, Any] | None = None) -> Any:
        """The result as an Arrow table."""


def recent_songs(client: Queries, as_of: datetime, listeners: Sequence[UserId] | None = None) -> pl.DataFrame:
    """Recent songs of the given listeners, or of all, as the online store held them `as_of` that moment.

    Columns `listener_id, song_id, listened_at`: by listener, then newest first.
    """
    if listeners is None:
        return _recent_songs(client, as_of, ())
    wanted = sorted(set(listeners))
    parts = [
        _recent_songs(client, as_of, wanted[start : start + LISTENERS_AT_ONCE])
        for start in range(0, len(wanted), LISTENERS_AT_ONCE)
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)


def _recent_songs(client: Queries, as_of: datetime, listeners: Sequence[UserId]) -> pl.DataFrame:
    parameters: dict[str, Any] = {
        "as_of": f"{as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[
            :-3
        ],  # as text: the client would drop the milliseconds
        "listeners": [int(listener) for listener in listeners],
        "kept_seconds": int(RECENT_SONGS.kept.total_seconds()),
        "limit": RECENT_SONGS.limit,
    }
    table = client.query_arrow(RECENT_SONGS_SQL, parameters=parameters)
    frame = pl.DataFrame(pl.from_arrow(table)).rename({"latest": Listens.listened_at})
    return frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
