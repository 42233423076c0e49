"""Listening history in one shape, whoever tells it: what every reader of an export or generator hands to the import."""

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

LISTENERS = pl.Schema({"external_id": pl.String(), "country": pl.String()})
ARTISTS = pl.Schema({"external_id": pl.String(), "name": pl.String(), "country": pl.String()})
SONGS = pl.Schema(
    {
        "external_id": pl.String(),
        "artist_external_id": pl.String(),
        "title": pl.String(),
        "album": pl.String(),  # "" where none is known
        "genre": pl.String(),  # "" where none is known
        "song_ms": pl.UInt32(),  # null where unknown
        "released_on": pl.Date(),  # null where unknown
    }
)
LYRICS = pl.Schema(
    {
        "song_external_id": pl.String(),
        "language": pl.String(),  # ISO 639-1, "" where unknown; a song has lyrics once in each
        "text": pl.String(),  # lines
    }
)
PLAYS = pl.Schema(
    {
        "play_id": pl.Binary(),  # 16 bytes, big-endian
        "listener_external_id": pl.String(),
        "song_external_id": pl.String(),
        "started_at": pl.Datetime("ms", "UTC"),
        "played_ms": pl.UInt32(),
        "reason": pl.String(),  # why it ended, as foundation.contracts.events.EndReason names it; "" where unknown
        "is_private": pl.Boolean(),  # of a private session: it counts for the song alone
    }
)
COUNTS = pl.Schema(
    {"listener_external_id": pl.String(), "song_external_id": pl.String(), "plays": pl.UInt64()}
)


def empty(schema: pl.Schema) -> pl.DataFrame:
    """A frame without rows, of the given schema."""
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True, slots=True)
class History:
    """One source's listeners, artists, songs with lyrics, and plays or play counts; ids are the source's own, as text.

    `refused` counts rows left out, by reason; `notes` say what was assumed where the source tells less than we keep.
    Every reference in `plays`, `counts`, `songs` and `lyrics` names a row that is here.
    """

    source: str
    listeners: pl.DataFrame
    artists: pl.DataFrame
    songs: pl.DataFrame
    plays: pl.DataFrame = field(default_factory=lambda: empty(PLAYS))
    counts: pl.DataFrame = field(default_factory=lambda: empty(COUNTS))
    lyrics: pl.DataFrame = field(default_factory=lambda: empty(LYRICS))
    refused: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()
