"""Reads the streaming history of the last year that a streaming service gives with the account's data: JSON lists of plays."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import polars as pl

from catalog_api.imports import plays
from catalog_api.imports.endsong import NOT_MUSIC, Whole
from catalog_api.imports.json_rows import LineOf, from_list
from catalog_api.imports.tsv import LINE, REASON, utf8_of
from catalog_api.imports.whose import Whose
from foundation.contracts.history import History

SOURCE = "streaming_history"
PATTERNS = ("StreamingHistory[0-9]*.json", "StreamingHistory_music_*.json")
NOT_NAMED = "not named by the service"  # of songs that it no longer has, and of files of the listener's own


class _Told(msgspec.Struct, gc=False):
    """One play as exported. `endTime` is when it stopped, in UTC, to the minute."""

    endTime: str | None = None  # noqa: N815 - as the file has it, here and below
    artistName: str | None = None  # noqa: N815
    trackName: str | None = None  # noqa: N815
    msPlayed: Whole | None = None  # noqa: N815


def read(paths: Sequence[Path], now: datetime, whose: Whose) -> History:
    """The history of the files of one export, which never say whose it is. Raises BrokenFile."""
    refused: Counter[str] = Counter()
    files = []
    for path in paths:
        told, line_of = _table_of(path, whose)
        rows, left_out = plays.checked(told, path, now, SOURCE, (NOT_MUSIC, NOT_NAMED), line_of)
        files.append(rows)
        refused += left_out
    return plays.history_of(SOURCE, files, refused)


def _table_of(path: Path, whose: Whose) -> tuple[pl.DataFrame, LineOf]:
    told, line_of = from_list(path, utf8_of(path), _Told)
    rows = pl.DataFrame(
        {
            LINE: range(len(told)),
            "end": [row.endTime for row in told],
            "artist": [row.artistName for row in told],
            "title": [row.trackName for row in told],
            "played_ms": [row.msPlayed for row in told],
        },
        schema={
            LINE: pl.UInt32,
            "end": pl.String,
            "artist": pl.String,
            "title": pl.String,
            "played_ms": pl.Int64,
        },
    )
    artist, title = pl.col("artist"), pl.col("title")
    ended_at = pl.col("end").str.to_datetime("%Y-%m-%d %H:%M", time_unit="ms", time_zone="UTC", strict=False)
    played = ended_at.is_not_null() & pl.col("played_ms").is_not_null()
    whole = rows.with_columns(
        ended_at.alias("ended_at"),
        plays.song_key(artist, title).alias("song"),
        pl.when(played & artist.is_null() & title.is_null())  # podcasts have other names for both
        .then(pl.lit(NOT_MUSIC))
        .when((artist == "Unknown Artist") & (title == "Unknown Track"))
        .then(pl.lit(NOT_NAMED))
        .alias(REASON),
        listener=whose.named,
        album=pl.lit(""),
        country=pl.lit(""),
        ended_by=pl.lit(""),
        is_private=pl.lit(value=False),
    )
    return whole, line_of
