"""Reads a table of plays: user, end_time_utc_minute, artist, track and ms_played, separated by tabs."""

from datetime import datetime
from pathlib import Path

import polars as pl

from catalog_api.imports import plays
from catalog_api.imports.tsv import table_of, unquoted
from foundation.contracts.history import History

SOURCE = "listening_history"
COLUMNS = ("user", "end_time_utc_minute", "artist", "track", "ms_played")


def read(path: Path, now: datetime) -> History:
    """The history of one such file. Raises BrokenFile."""
    table = table_of(path, COLUMNS).with_columns(unquoted("artist"), unquoted("track"))
    told = table.with_columns(
        pl.col("user").alias("listener"),
        pl.col("end_time_utc_minute")
        .str.to_datetime("%Y-%m-%d %H:%M", time_unit="ms", time_zone="UTC", strict=False)
        .alias("ended_at"),
        pl.col("track").alias("title"),
        plays.song_key(pl.col("artist"), pl.col("track")).alias("song"),
        pl.col("ms_played").cast(pl.Int64, strict=False).alias("played_ms"),
        album=pl.lit(""),
        country=pl.lit(""),
        ended_by=pl.lit(""),
        is_private=pl.lit(value=False),
    )
    rows, refused = plays.checked(told, path, now, SOURCE)
    return plays.history_of(SOURCE, [rows], refused)
