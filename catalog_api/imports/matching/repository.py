"""What matching reads of the catalog, in bulk, and the one thing it writes: which of ours a source's names mean."""

import io
from typing import LiteralString

import polars as pl
import psycopg

from foundation.ids import UserId

_KNOWN: LiteralString = (
    "COPY (SELECT external_id, id FROM external_ids WHERE kind = %s AND source = %s) TO STDOUT (FORMAT csv)"
)
_ARTISTS: LiteralString = "COPY (SELECT id, name FROM artists) TO STDOUT (FORMAT csv)"
_SONGS: LiteralString = (
    "COPY (SELECT id, artist_id, title FROM songs WHERE artist_id = ANY(%s)) TO STDOUT (FORMAT csv)"
)
_LENGTHS: LiteralString = "COPY (SELECT id, duration_ms FROM songs WHERE id = ANY(%s)) TO STDOUT (FORMAT csv)"
_MEANT: LiteralString = (
    "INSERT INTO external_ids (kind, source, external_id, id) "
    "SELECT %s, %s, told.external_id, told.id FROM unnest(%s::text[], %s::bigint[]) AS told (external_id, id) "
    "ON CONFLICT DO NOTHING"
)


def known(db: psycopg.Connection, kind: str, source: str) -> pl.DataFrame:
    """What the source has told before: external_id, id."""
    return _copied(db, _KNOWN, (kind, source), {"external_id": pl.String(), "id": pl.Int64()})


def artists(db: psycopg.Connection) -> pl.DataFrame:
    """Every artist of the catalog: artist_id, artist."""
    return _copied(db, _ARTISTS, (), {"artist_id": pl.Int64(), "artist": pl.String()})


def songs_of(db: psycopg.Connection, artist_ids: pl.Series) -> pl.DataFrame:
    """Every song of these artists: song_id, artist_id, title."""
    schema = {"song_id": pl.Int64(), "artist_id": pl.Int64(), "title": pl.String()}
    return _copied(db, _SONGS, (artist_ids.to_list(),), schema)


def lengths_of(db: psycopg.Connection, song_ids: pl.Series) -> pl.DataFrame:
    """Those of these songs that are there: song_id, song_ms."""
    schema: dict[str, pl.DataType] = {"song_id": pl.Int64(), "song_ms": pl.UInt32()}
    return _copied(db, _LENGTHS, (song_ids.to_list(),), schema)


def country_of(db: psycopg.Connection, account: UserId) -> str:
    """The country of a profile; "" where none is told or nobody is there."""
    row = db.execute("SELECT country FROM users WHERE id = %s", (account,)).fetchone()
    return str(row[0]) if row else ""


def note(db: psycopg.Connection, kind: str, source: str, meant: pl.DataFrame) -> None:
    """Write down whom or what of ours (id) the source means by its external_id; what it meant before stays."""
    db.execute(_MEANT, (kind, source, meant["external_id"].to_list(), meant["id"].to_list()))


def _copied(
    db: psycopg.Connection,
    statement: LiteralString,
    parameters: tuple[object, ...],
    schema: dict[str, pl.DataType],
) -> pl.DataFrame:
    with db.cursor() as cursor, cursor.copy(statement, parameters) as copy:
        rows = b"".join(copy)
    if not rows:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(io.BytesIO(rows), has_header=False, schema=schema)
