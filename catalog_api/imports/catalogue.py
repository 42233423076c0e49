"""Reads catalogues: songs as a streaming service lists them, and artists as MusicBrainz knows them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from catalog_api.imports import csv_table
from catalog_api.imports.rows import Rule, accepted, judged, name_rules
from foundation.contracts.history import ARTISTS, empty

SPOTIFY, MUSICBRAINZ = "spotify", "musicbrainz"
ALBUMS = pl.Schema(
    {
        "external_id": pl.String(),
        "artist_external_id": pl.String(),
        "title": pl.String(),
        "released_on": pl.Date(),  # null where unknown
    }
)
SONGS = pl.Schema(
    {
        "external_id": pl.String(),
        "artist_external_id": pl.String(),
        "album_external_id": pl.String(),
        "title": pl.String(),
        "genre": pl.String(),  # "" where none is known
        "song_ms": pl.UInt32(),  # null where unknown
        "released_on": pl.Date(),  # null where unknown
    }
)
GENRES = pl.Schema({"name": pl.String(), "parent": pl.String()})  # parent: null where it is a kind of none

_SONG_COLUMNS = (
    "track_id",
    "track_name",
    "track_artist",
    "track_album_id",
    "track_album_name",
    "track_album_release_date",
    "playlist_genre",
    "playlist_subgenre",
    "duration_ms",
)
_ARTIST_COLUMNS = ("id", "name", "type", "country", "area_id")  # by which such a file is known
_COUNTRY = "^([A-W][A-Z]|Y[A-Z]|Z[AMW])$"  # ISO 3166-1; XW and XE stand for the world and for Europe
_ID = "^[0-9A-Za-z]{22}$"
_MBID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_MISSING = "NA"  # how R writes that nothing is known


@dataclass(frozen=True, slots=True)
class Part:
    """What one file tells; ids are the source's own, as text. Every reference names a row that is here."""

    source: str
    of: str  # what a row of the file is: "songs" or "artists"
    rows: int
    artists: pl.DataFrame
    albums: pl.DataFrame = field(default_factory=lambda: empty(ALBUMS))
    songs: pl.DataFrame = field(default_factory=lambda: empty(SONGS))
    genres: pl.DataFrame = field(default_factory=lambda: empty(GENRES))
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The parts of a catalogue, in the order in which they are brought in."""

    parts: tuple[Part, ...]


def files_in(folder: Path) -> list[Path]:
    """The files of the folder that `read` can read: those with songs first, so that artists find theirs."""
    known = [path for path in sorted(folder.glob("*.csv")) if is_one(path)]
    return sorted(known, key=_tells_artists)


def is_one(path: Path) -> bool:
    """Whether the file is part of a catalogue, by its header."""
    return path.suffix.lower() == ".csv" and (_tells_songs(path) or _tells_artists(path))


def read(paths: Sequence[Path]) -> Catalogue:
    """What these files tell. Raises BrokenFile, whichever file it is, before any row is used."""
    return Catalogue(tuple(songs_of(path) if _tells_songs(path) else artists_of(path) for path in paths))


def _tells_songs(path: Path) -> bool:
    return set(_SONG_COLUMNS) <= set(csv_table.header_of(path))


def _tells_artists(path: Path) -> bool:
    return set(_ARTIST_COLUMNS) <= set(csv_table.header_of(path))


def songs_of(path: Path) -> Part:
    """Songs with their albums, artists and genres. A song is told once for every playlist that it is on.

    Artists are told by their names alone, exactly as written. An album is of the artist of most of its songs. A song's
    genre is that of most of its playlists; what is more special than it is a genre beside, and a kind of it.
    """
    told = csv_table.table_of(path, _SONG_COLUMNS)
    rows, refused = accepted(judged(told, _SONG_RULES), path)
    rows = rows.with_columns(
        pl.col("track_name", "track_artist", "track_album_name").str.strip_chars(),
        pl.col("playlist_genre", "playlist_subgenre").str.strip_chars().str.to_lowercase(),
        _day(pl.col("track_album_release_date")).alias("released_on"),
    )
    songs = rows.unique("track_id", keep="first", maintain_order=True).join(
        _most_told(rows, "track_id", "playlist_genre", named="genre"),
        on="track_id",
        how="left",
        maintain_order="left",
    )
    return Part(
        source=SPOTIFY,
        of="songs",
        rows=told.height,
        artists=songs.select(pl.col("track_artist").unique(maintain_order=True).alias("external_id"))
        .select("external_id", pl.col("external_id").alias("name"), country=pl.lit(""))
        .cast(ARTISTS),
        albums=_albums(songs),
        songs=songs.select(
            pl.col("track_id").alias("external_id"),
            pl.col("track_artist").alias("artist_external_id"),
            pl.col("track_album_id").alias("album_external_id"),
            pl.col("track_name").alias("title"),
            pl.col("genre").fill_null(""),
            pl.col("duration_ms").cast(pl.UInt32, strict=False).alias("song_ms"),
            "released_on",
        ).cast(SONGS),
        genres=_genres(rows),
        refused=refused,
    )


_SONG_RULES: list[Rule] = [
    (
        pl.all_horizontal(pl.col("track_name", "track_artist", "track_album_name") == _MISSING),
        f"no title, artist and album ({_MISSING})",
    ),
    (~pl.col("track_id").str.contains(_ID), "song id not of 22 letters and digits"),
    (~pl.col("track_album_id").str.contains(_ID), "album id not of 22 letters and digits"),
    *name_rules("track_name", "title"),
    *name_rules("track_artist", "artist"),
    *name_rules("track_album_name", "album"),
    *(
        (pl.col(column).str.len_bytes() > 100, f"{column} longer than 100 bytes")
        for column in ("playlist_genre", "playlist_subgenre")
    ),
    (~pl.col("duration_ms").str.contains("^([1-9][0-9]{0,8})?$"), "length not in milliseconds above 0"),
]


def artists_of(path: Path) -> Part:
    """Artists by their MusicBrainz identifiers, with the countries where they are known."""
    told = csv_table.table_of(path, _ARTIST_COLUMNS)
    rules: list[Rule] = [
        (~pl.col("id").str.contains(_MBID), "no MusicBrainz identifier"),
        *name_rules("name", "name"),
    ]
    rows, refused = accepted(judged(told, rules), path)
    country = pl.col("country")
    return Part(
        source=MUSICBRAINZ,
        of="artists",
        rows=told.height,
        artists=rows.unique("id", keep="first", maintain_order=True)
        .select(
            pl.col("id").alias("external_id"),
            pl.col("name").str.strip_chars(),
            pl.when(country.str.contains(_COUNTRY)).then(country).otherwise(pl.lit("")).alias("country"),
        )
        .cast(ARTISTS),
        refused=refused,
    )


def _day(told: pl.Expr) -> pl.Expr:
    """The first day of what is told: 1984 is 1 January 1984, 1984-05 is 1 May. Null for no date, and before 1900."""
    is_year, is_month = told.str.contains("^[0-9]{4}$"), told.str.contains("^[0-9]{4}-[0-9]{2}$")
    whole = pl.when(is_year).then(told + "-01-01").when(is_month).then(told + "-01").otherwise(told)
    day = whole.str.to_date("%Y-%m-%d", strict=False)
    return pl.when(day.dt.year().is_between(1900, 2199)).then(day)


def _most_told(rows: pl.DataFrame, of: str, what: str, *, named: str) -> pl.DataFrame:
    """What is told most often of each; of equals what was told first; "" counts for nothing."""
    told = rows.with_row_index("place").filter(pl.col(what) != "")
    counted = told.group_by(of, what).agg(pl.len().alias("times"), pl.col("place").min())
    first = counted.sort("times", "place", descending=[True, False]).unique(
        of, keep="first", maintain_order=True
    )
    return first.select(of, pl.col(what).alias(named))


def _albums(songs: pl.DataFrame) -> pl.DataFrame:
    artists = _most_told(songs, "track_album_id", "track_artist", named="artist")
    albums = songs.unique("track_album_id", keep="first", maintain_order=True)
    return (
        albums.join(artists, on="track_album_id", maintain_order="left")
        .select(
            pl.col("track_album_id").alias("external_id"),
            pl.col("artist").alias("artist_external_id"),
            pl.col("track_album_name").alias("title"),
            "released_on",
        )
        .cast(ALBUMS)
    )


def _genres(rows: pl.DataFrame) -> pl.DataFrame:
    """Those of the songs first, then those that are kinds of them."""
    names = rows.select(pl.col("playlist_genre").unique(maintain_order=True).alias("name"))
    broad = names.filter(pl.col("name") != "").with_columns(parent=pl.lit(None, pl.String))
    special = rows.select(pl.col("playlist_subgenre").alias("name"), pl.col("playlist_genre").alias("parent"))
    special = special.filter(pl.col("name") != "", pl.col("parent") != "")
    special = special.unique("name", keep="first", maintain_order=True).join(broad, on="name", how="anti")
    return pl.concat([broad, special]).cast(GENRES)
