"""Reads the extended streaming history that a streaming service gives its listeners: JSON lists of plays."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from catalog_api.imports import plays
from catalog_api.imports.errors import BrokenFile
from catalog_api.imports.tsv import LINE, REASON, text_of
from foundation.contracts.history import History

SOURCE = "endsong"
PATTERNS = ("endsong_*.json", "endsong.json", "Streaming_History_Audio_*.json")
UNNAMED = "me"  # one listener for whatever does not say whose it is: another file name makes no other person
NOT_MUSIC = "not music"  # podcasts, audiobooks and videos
_INT64 = 2**63
_COUNTRY = "^([A-Y][A-Z]|Z[AMW])$"  # ISO 3166-1; ZZ stands for unknown


class _Told(msgspec.Struct, gc=False):
    """One play as exported, any field of which may be missing or of a wrong type: that makes a bad row, not a bad file.

    `ts` is when the play stopped. Older exports have no `username`, newer ones no `user_agent`; what is not named
    here (reasons, shuffle, offline_timestamp …) is not needed.
    """

    ts: Any = None
    username: Any = None
    conn_country: Any = None
    ms_played: Any = None
    master_metadata_track_name: Any = None
    master_metadata_album_artist_name: Any = None
    master_metadata_album_album_name: Any = None
    spotify_track_uri: Any = None


_decoder = msgspec.json.Decoder(list[_Told])


def read(paths: Sequence[Path], now: datetime, listener: str = UNNAMED) -> History:
    """The history of the files of one export; `listener` is whose plays they are where a row does not say.

    Raises BrokenFile, whichever file it is, before any row is used.
    """
    refused: Counter[str] = Counter()
    files = []
    for path in paths:
        rows, left_out = plays.checked(_table_of(path, listener), path, now, harmless=(NOT_MUSIC,))
        files.append(rows)
        refused += left_out
    return plays.history_of(SOURCE, files, refused)


def _table_of(path: Path, listener: str) -> pl.DataFrame:
    text = text_of(path)
    told = _decoded(path, text)
    columns = {
        LINE: _lines(text),
        "listener": [_text(row.username) or listener for row in told],
        "ts": [_text(row.ts) for row in told],
        "artist": [_text(row.master_metadata_album_artist_name) for row in told],
        "title": [_text(row.master_metadata_track_name) for row in told],
        "album": [_text(row.master_metadata_album_album_name) or "" for row in told],
        "uri": [_text(row.spotify_track_uri) for row in told],
        "conn_country": [_text(row.conn_country) for row in told],
        "played_ms": [_number(row.ms_played) for row in told],
    }
    text_columns = dict.fromkeys(columns, pl.String)
    rows = pl.DataFrame(columns, schema=text_columns | {LINE: pl.UInt32, "played_ms": pl.Int64})
    artist, title = pl.col("artist"), pl.col("title")
    ended_at = pl.col("ts").str.to_datetime(
        "%Y-%m-%dT%H:%M:%SZ", time_unit="ms", time_zone="UTC", strict=False
    )
    played = ended_at.is_not_null() & pl.col("played_ms").is_not_null()  # else it is no play of anything
    return rows.with_columns(
        ended_at.alias("ended_at"),
        pl.coalesce("uri", plays.song_key(artist, title)).alias("song"),
        pl.when(pl.col("conn_country").str.contains(_COUNTRY))
        .then("conn_country")
        .otherwise(pl.lit(""))
        .alias("country"),
        pl.when(played & artist.is_null() & title.is_null()).then(pl.lit(NOT_MUSIC)).alias(REASON),
    )


def _decoded(path: Path, text: str) -> list[_Told]:
    """The plays of one file. Raises BrokenFile where it is no JSON, is cut off, or is no list of objects."""
    try:
        told = _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise BrokenFile(path, 1, f"this is no list of plays: {error}") from error
    except msgspec.DecodeError as error:
        at = re.search(r"\(byte (\d+)\)", str(error))
        line = text.encode()[: int(at[1]) if at else None].count(b"\n") + 1
        raise BrokenFile(path, line, f"no valid JSON: {error}") from error
    except RecursionError as error:
        raise BrokenFile(path, 1, "this is no list of plays: it is nested too deeply") from error
    if not told:
        raise BrokenFile(path, 1, "the list is empty")
    return told


def _lines(text: str) -> list[int]:
    """In which line of the file each play begins."""
    lines, line, end = [], 1, 0
    told = text.encode()
    for play in msgspec.json.decode(told, type=list[msgspec.Raw]):
        start = told.index(memoryview(play), end)
        line += told.count(b"\n", end, start)
        lines.append(line)
        end = start + len(memoryview(play))
        line += told.count(b"\n", start, end)
    return lines


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT64 else None
