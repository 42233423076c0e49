"""The catalog's side of an import: who and what a history tells of gets rows and ids in Postgres, in bulk."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import LiteralString

import polars as pl
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from catalog_api.imports.errors import BrokenHistory
from catalog_api.imports.timed_lyrics import with_lines
from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.lyrics.opening import opening_of
from foundation.clock import microseconds
from foundation.contracts.events import ListenerChanged, LyricsChanged, SongChanged
from foundation.contracts.history import ARTISTS, LISTENERS, LYRICS, SONGS, History
from foundation.ids import UserId

LOCK = 0x5E60E_0002  # any number, the same for everyone who imports
STATEMENTS = Path(__file__).parent / "statements"
_KINDS: dict[str, tuple[str, ...]] = {
    "listeners": tuple(LISTENERS),
    "artists": tuple(ARTISTS),
    "songs": tuple(SONGS),
    "lyrics": (*LYRICS, "lines"),
}
_TYPES: dict[str, LiteralString] = {"lines": "jsonb", "song_ms": "integer", "released_on": "date"}


@dataclass(frozen=True, slots=True)
class Numbered:
    """The ids by which the catalog knows what a history tells of."""

    listeners: pl.DataFrame  # external_id, listener_id, and the country of their profile
    songs: pl.DataFrame  # external_id, song_id, song_ms as the catalog knows it
    new: Counter[str]  # how many listeners, artists, albums and songs were not here before


@contextmanager
def only_import(db: psycopg.Connection, waiting: Callable[[int], None]) -> Iterator[None]:
    """Hold the one lock of all imports. Postgres frees it at disconnect.

    Where another import has it, `waiting` is called with 0, and with 1 once it is ours.
    """
    row = db.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
    if row is None or not row[0]:
        waiting(0)
        db.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        waiting(1)
    yield
    db.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))  # after a failure the caller's disconnecting does it


def begin(db: psycopg.Connection, source: str, name: str, digest: bytes, at: datetime) -> int:
    """Note that an import begins; its number."""
    noted = "INSERT INTO imports (source, name, digest, started_at) VALUES (%s, %s, %s, %s) RETURNING id"
    row = db.execute(noted, (source, name, digest, at)).fetchone()
    return int(row[0]) if row else 0


def finish(
    db: psycopg.Connection, number: int, at: datetime, *, accepted: int, duplicate: int, refused: Counter[str]
) -> None:
    """Note that it ended, and how."""
    db.execute(
        "UPDATE imports SET finished_at = %s, accepted = %s, duplicate = %s, refused = %s WHERE id = %s",
        (at, accepted, duplicate, Jsonb(dict(refused)), number),
    )


def number_all(db: psycopg.Connection, history: History, now: datetime) -> Numbered:
    """Give every listener, artist, album and song of the history its row and id, and songs their lyrics, where new.

    What the catalog knows already is never overwritten, only completed. Inside the caller's transaction; the
    tables told_listeners, told_artists, told_albums, told_songs and told_lyrics live as long.
    """
    for kind, columns in _KINDS.items():
        rows = with_lines(history) if kind == "lyrics" else getattr(history, kind)
        tell(db, f"told_{kind}", columns, rows)
    db.execute(
        "CREATE TEMP TABLE told_albums (place bigint, artist_id bigint, title text, external_id text, "
        "id bigint, is_new boolean NOT NULL DEFAULT false, is_changed boolean NOT NULL DEFAULT false) ON COMMIT DROP"
    )
    for kind in _KINDS:
        run(db, kind, history.source, now)
    return Numbered(_listener_ids(db), _song_ids(db), _new(db))


def note_owner(db: psycopg.Connection, history: History, account: UserId) -> None:
    """Let the one listener that a history tells of be the owner of an account. Raises ListenerNotFound, BrokenHistory."""
    if history.listeners.height > 1:
        raise BrokenHistory("listeners: an account takes the history of one person")
    if not db.execute("SELECT id FROM users WHERE id = %s FOR KEY SHARE", (account,)).fetchone():
        raise ListenerNotFound(f"nobody has the id {account}", user_id=account)
    meant = "INSERT INTO external_ids (kind, source, external_id, id) VALUES ('listener', %s, %s, %s) ON CONFLICT DO NOTHING"
    for external_id in history.listeners["external_id"]:
        db.execute(meant, (history.source, external_id, account))


def listeners_changed(db: psycopg.Connection, source: str, version: int) -> Iterator[ListenerChanged]:
    """An event for each listener that `number_all` made or completed."""
    told = (
        "SELECT told.id, kept.country, told.external_id FROM told_listeners AS told JOIN users AS kept USING (id) "
        "WHERE told.is_new OR told.is_changed ORDER BY told.id"
    )
    for listener_id, country, external_id in db.execute(told):
        yield ListenerChanged(
            listener_id=listener_id, country=country, origin=source, external_id=external_id, version=version
        )


def songs_changed(db: psycopg.Connection, source: str) -> Iterator[SongChanged]:
    """An event for each song that an import made or completed."""
    told = (
        "SELECT told.id, song.title, artist.id, artist.name, coalesce(album.title, ''), song.genre, "
        "song.duration_ms, song.released_on, song.is_explicit, song.regions, song.album_id, told.external_id, song.updated_at "
        "FROM told_songs AS told JOIN songs AS song USING (id) JOIN artists AS artist ON artist.id = song.artist_id "
        "LEFT JOIN albums AS album ON album.id = song.album_id WHERE told.is_new OR told.is_changed ORDER BY told.id"
    )
    for row in db.execute(told):
        song_id, title, artist_id, artist, album, genre, song_ms, released_on = row[:8]
        is_explicit, regions, album_id, external_id, updated_at = row[8:]
        yield SongChanged(
            song_id=song_id,
            title=title,
            artist_id=artist_id,
            artist=artist,
            album=album,
            album_id=album_id,
            genre=genre,
            song_ms=song_ms,
            released_on=released_on,
            is_explicit=is_explicit,
            regions=None if regions is None else tuple(regions),
            origin=source,
            external_id=external_id,
            version=microseconds(updated_at),
        )


def lyrics_changed(db: psycopg.Connection, version: int) -> Iterator[LyricsChanged]:
    """An event for each of the lyrics that `number_all` wrote."""
    told = (
        "SELECT DISTINCT id, kept.language, kept.text FROM told_lyrics AS told "
        "JOIN lyrics AS kept ON kept.song_id = told.id AND kept.language = told.language "
        "WHERE told.is_new ORDER BY id, kept.language"
    )
    for song_id, language, text in db.execute(told):
        yield LyricsChanged(song_id=song_id, language=language, opening=opening_of(text), version=version)


def run(db: psycopg.Connection, name: str, source: str, now: datetime) -> None:
    """Run the statements of one file, in order."""
    for statement in (STATEMENTS / f"{name}.sql").read_text().split(";\n"):
        if statement.strip():
            db.execute(statement.encode(), {"source": source, "now": now})


def tell(db: psycopg.Connection, table: str, columns: Iterable[str], rows: pl.DataFrame) -> None:
    """Copy rows into a temporary table of that name, with their place and room for their ids."""
    name = sql.Identifier(table)
    kinds = [
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(_TYPES.get(column, "text")))
        for column in columns
    ]
    db.execute(
        sql.SQL(
            "CREATE TEMP TABLE {} (place bigint PRIMARY KEY, {}, id bigint, is_new boolean NOT NULL DEFAULT false, "
            "is_changed boolean NOT NULL DEFAULT false) ON COMMIT DROP"
        ).format(name, sql.Composed(kinds).join(", "))
    )
    told = ["place", *columns]
    names = sql.Composed([sql.Identifier(column) for column in told]).join(", ")
    with db.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(name, names)) as copy:
            for part in rows.with_row_index("place").select(told).iter_slices(50_000):
                # Quoted text keeps "" apart from null, as Postgres reads them.
                copy.write(part.write_csv(include_header=False, quote_style="non_numeric"))
        cursor.execute(sql.SQL("ANALYZE {}").format(name))


def _listener_ids(db: psycopg.Connection) -> pl.DataFrame:
    rows = db.execute(
        "SELECT told.external_id, told.id, users.country "
        "FROM told_listeners AS told JOIN users USING (id) ORDER BY told.place"
    ).fetchall()
    schema = {"external_id": pl.String, "listener_id": pl.UInt64, "country": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _song_ids(db: psycopg.Connection) -> pl.DataFrame:
    rows = db.execute(
        "SELECT told.external_id, song.id, song.duration_ms "
        "FROM told_songs AS told JOIN songs AS song USING (id) ORDER BY told.place"
    ).fetchall()
    schema = {"external_id": pl.String, "song_id": pl.UInt64, "song_ms": pl.UInt32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _new(db: psycopg.Connection) -> Counter[str]:
    row = db.execute(
        "SELECT (SELECT count(*) FROM told_listeners WHERE is_new), (SELECT count(*) FROM told_artists WHERE is_new), "
        "(SELECT count(*) FROM told_albums WHERE is_new), (SELECT count(*) FROM told_songs WHERE is_new), "
        "(SELECT count(DISTINCT (id, language)) FROM told_lyrics WHERE is_new)"
    ).fetchone()
    return Counter(dict(zip(("listeners", "artists", "albums", "songs", "lyrics"), row or (), strict=False)))
