"""Reads the extended streaming history that a streaming service gives its listeners: JSON lists of plays."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import polars as pl

from catalog_api.imports import plays
from catalog_api.imports.json_rows import LineOf, from_list
from catalog_api.imports.tsv import LINE, REASON, utf8_of
from catalog_api.imports.whose import Whose
from foundation.contracts.history import History

SOURCE = "endsong"
PATTERNS = ("endsong_*.json", "endsong.json", "Streaming_History_Audio_*.json")
NOT_MUSIC = "not music"  # podcasts, audiobooks and videos
Whole = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
_COUNTRY = "^([A-Y][A-Z]|Z[AMW])$"  # ISO 3166-1; ZZ stands for unknown

# What its players write as the end of a play, as EndReason names it. Any other word tells nothing.
_ENDED_BY = {
    "trackdone": "finished",
    **dict.fromkeys(("fwdbtn", "backbtn", "clickrow", "clickside", "playbtn"), "skipped"),
    **dict.fromkeys(("endplay", "logout", "unexpected-exit", "unexpected-exit-while-paused"), "stopped"),
}


class _Told(msgspec.Struct, gc=False):
    """One play as exported, any field of which may be missing: that makes a bad row, not a bad file.

    `ts` is when the play stopped. Older exports have no `username`, newer ones no `user_agent`; what is not named
    here (reason_start, shuffle, offline_timestamp, which is in seconds or milliseconds or 0 …) is not needed.
    """

    ts: str | None = None
    username: str | None = None
    conn_country: str | None = None
    ms_played: Whole | None = None
    master_metadata_track_name: str | None = None
    master_metadata_album_artist_name: str | None = None
    master_metadata_album_album_name: str | None = None
    spotify_track_uri: str | None = None
    reason_end: str | None = None
    skipped: bool | None = None
    incognito_mode: bool | None = None


def read(paths: Sequence[Path], now: datetime, whose: Whose) -> History:
    """The history of the files of one export; `whose` says whose plays they are.

    Raises BrokenFile, whichever file it is, before any row is used.
    """
    refused: Counter[str] = Counter()
    files = []
    for path in paths:
        told, line_of = _table_of(path, whose)
        rows, left_out = plays.checked(told, path, now, SOURCE, (NOT_MUSIC,), line_of)
        files.append(rows)
        refused += left_out
    return plays.history_of(SOURCE, files, refused)


def _table_of(path: Path, whose: Whose) -> tuple[pl.DataFrame, LineOf]:
    told, line_of = from_list(path, utf8_of(path), _Told)
    columns = {
        LINE: range(len(told)),
        "username": [row.username for row in told],
        "ts": [row.ts for row in told],
        "artist": [row.master_metadata_album_artist_name for row in told],
        "title": [row.master_metadata_track_name for row in told],
        "album": [row.master_metadata_album_album_name or "" for row in told],
        "uri": [row.spotify_track_uri for row in told],
        "conn_country": [row.conn_country for row in told],
        "reason_end": [row.reason_end for row in told],
        "played_ms": [row.ms_played for row in told],
        "skipped": [row.skipped for row in told],
        "incognito_mode": [row.incognito_mode for row in told],
    }
    schema: dict[str, pl.DataType] = dict.fromkeys(columns, pl.String())
    schema |= {LINE: pl.UInt32(), "played_ms": pl.Int64()}
    schema |= {"skipped": pl.Boolean(), "incognito_mode": pl.Boolean()}
    rows = pl.DataFrame(columns, schema=schema)
    artist, title = pl.col("artist"), pl.col("title")
    ended_at = pl.col("ts").str.to_datetime(
        "%Y-%m-%dT%H:%M:%SZ", time_unit="ms", time_zone="UTC", strict=False
    )
    played = ended_at.is_not_null() & pl.col("played_ms").is_not_null()  # else it is no play of anything
    whole = rows.with_columns(
        whose.of(pl.col("username")).alias("listener"),
        ended_at.alias("ended_at"),
        pl.coalesce("uri", plays.song_key(artist, title)).alias("song"),
        pl.when(pl.col("conn_country").str.contains(_COUNTRY))
        .then("conn_country")
        .otherwise(pl.lit(""))
        .alias("country"),
        pl.col("reason_end")
        .replace_strict(_ENDED_BY, default=None, return_dtype=pl.String)
        .fill_null(pl.when(pl.col("skipped")).then(pl.lit("skipped")).otherwise(pl.lit("")))
        .alias("ended_by"),
        pl.col("incognito_mode").fill_null(value=False).alias("is_private"),
        pl.when(played & artist.is_null() & title.is_null()).then(pl.lit(NOT_MUSIC)).alias(REASON),
    )
    return whole, line_of
