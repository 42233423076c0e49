"""Whether a history hangs together, before anything of it is stored: readers promise it, generators may forget it."""

from typing import Any, get_args

import polars as pl

from catalog_api.imports.errors import BrokenHistory
from foundation.contracts.events import EndReason
from foundation.contracts.history import ARTISTS, COUNTS, LISTENERS, LYRICS, PLAYS, SONGS, History

LONGEST_ID = (
    2_100  # bytes: with its kind and source it must fit into one key of a Postgres index (2,704 bytes)
)
LONGEST_SONG_MS = 2**31 - 1  # what an integer of Postgres holds
_SCHEMAS: dict[str, Any] = {
    "listeners": LISTENERS,
    "artists": ARTISTS,
    "songs": SONGS,
    "lyrics": LYRICS,
    "plays": PLAYS,
    "counts": COUNTS,
}
_REFERENCES = (  # table, its column, the table whose external_id it names
    ("songs", "artist_external_id", "artists"),
    ("lyrics", "song_external_id", "songs"),
    ("plays", "listener_external_id", "listeners"),
    ("plays", "song_external_id", "songs"),
    ("counts", "listener_external_id", "listeners"),
    ("counts", "song_external_id", "songs"),
)
REASONS = get_args(EndReason)
_NULLABLE = {"song_ms", "released_on"}


def check(history: History) -> None:
    """Raise BrokenHistory for a wrong column, a repeated or overlong id, a missing value or a dangling reference."""
    for name, schema in _SCHEMAS.items():
        _check_columns(name, getattr(history, name), pl.Schema(schema))
    for name in ("listeners", "artists", "songs"):
        _check_ids(name, getattr(history, name)["external_id"])
    for name, column, named in _REFERENCES:
        told = getattr(history, name)[column].unique()
        dangling = told.filter(~told.is_in(getattr(history, named)["external_id"].implode()))
        if dangling.len():
            raise BrokenHistory(f"{name}: {column} {dangling[0]!r} is not among the {named}")
    _check_lyrics(history.lyrics)
    unknown = history.plays["reason"].unique().filter(~history.plays["reason"].unique().is_in(REASONS))
    if unknown.len():
        raise BrokenHistory(f"plays: {unknown[0]!r} is no reason for an end")
    lengths = history.songs["song_ms"]
    if (lengths == 0).any() or (lengths > LONGEST_SONG_MS).any():
        raise BrokenHistory("songs: song_ms must be above 0 and below 2^31, or null where it is not known")


def _check_columns(name: str, table: pl.DataFrame, schema: pl.Schema) -> None:
    if table.schema != schema:
        raise BrokenHistory(f"{name}: the columns must be {dict(schema)}, not {dict(table.schema)}")
    empty = [column for column in schema if column not in _NULLABLE and table[column].null_count()]
    if empty:
        raise BrokenHistory(f"{name}: nothing may be missing in {', '.join(empty)}")
    texts = [column for column, kind in schema.items() if kind == pl.String]
    if any(table[column].str.contains("\0", literal=True).any() for column in texts):
        raise BrokenHistory(f"{name}: no store takes the zero character in a text")


def _check_ids(name: str, ids: pl.Series) -> None:
    if ids.n_unique() != ids.len():
        raise BrokenHistory(f"{name}: an external id is told twice")
    if (ids.str.len_bytes() > LONGEST_ID).any():
        raise BrokenHistory(f"{name}: an external id is longer than {LONGEST_ID:,} bytes")


def _check_lyrics(lyrics: pl.DataFrame) -> None:
    if lyrics.select("song_external_id", "language").is_duplicated().any():
        raise BrokenHistory("lyrics: a song has lyrics twice in one language")
    if not lyrics["language"].str.contains("^([a-z]{2})?$").all():
        raise BrokenHistory('lyrics: a language is two lower-case letters, or "" where it is not known')
    if (lyrics["text"].str.strip_chars() == "").any():
        raise BrokenHistory("lyrics: a text is empty")
