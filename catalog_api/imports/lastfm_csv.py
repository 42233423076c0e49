"""Reads the scrobbles of a Last.fm account as the common exporters write them: CSV with a header of names, or with none."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from catalog_api.imports import csv_table, scrobbles
from catalog_api.imports.tsv import REASON
from catalog_api.imports.whose import Whose
from foundation.contracts.history import History

SOURCE = "lastfm"
NAMED = (
    "uts",
    "artist",
    "album",
    "track",
)  # of uts, utc_time, artist, artist_mbid, album, album_mbid, track, track_mbid
UNNAMED_COLUMNS = ("artist", "album", "track", "date")  # of the form without a header
_DATES = ("%d %b %Y %H:%M", "%d %b %Y, %H:%M")  # 29 Nov 2023 15:04, in UTC


def is_one(path: Path) -> bool:
    """Whether the file is such an export, by its first line."""
    first = csv_table.header_of(path)
    return set(NAMED) <= set(first) or _is_unnamed(first)


def read(path: Path, now: datetime, whose: Whose) -> History:
    """The history of one export, which does not say whose it is. Raises BrokenFile."""
    if _is_unnamed(csv_table.header_of(path)):
        told = csv_table.table_of(path, UNNAMED_COLUMNS, header=UNNAMED_COLUMNS)
        told_at, moment = pl.col("date").str.strip_chars(), _moment_of_date(pl.col("date"))
    else:
        told = csv_table.table_of(path, NAMED)
        told_at, moment = pl.col("uts").str.strip_chars(), _moment_of_seconds(pl.col("uts"))
    rows, refused = scrobbles.checked(
        told.with_columns(
            moment.alias("listened_at"),
            pl.col("track").alias("title"),
            pl.coalesce(REASON, pl.when(told_at == "").then(pl.lit(scrobbles.NO_TIME))).alias(REASON),
            listener=whose.named,
            song_ms=pl.lit(None, pl.Int64),
            played_ms=pl.lit(None, pl.Int64),
            play_id=pl.lit(None, pl.Binary),
        ),
        path,
        now,
        SOURCE,
    )
    return scrobbles.history_of(SOURCE, [rows], refused)


def _is_unnamed(first: Sequence[str]) -> bool:
    if len(first) != len(UNNAMED_COLUMNS):
        return False
    date = pl.DataFrame({"date": first[-1:]}, schema={"date": pl.String})
    return date.select(_moment_of_date(pl.col("date"))).item() is not None


def _moment_of_date(told: pl.Expr) -> pl.Expr:
    plain = told.str.strip_chars()
    return pl.coalesce(
        plain.str.to_datetime(form, time_unit="ms", time_zone="UTC", strict=False) for form in _DATES
    )


def _moment_of_seconds(told: pl.Expr) -> pl.Expr:
    seconds = told.str.strip_chars().str.extract("^([0-9]{1,11})$").cast(pl.Int64, strict=False)
    return pl.from_epoch(seconds * 1000, time_unit="ms").dt.replace_time_zone("UTC")
