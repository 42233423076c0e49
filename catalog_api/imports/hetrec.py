"""Reads the Last.fm data set of HetRec 2011: how often 1,892 listeners played each of their artists, without times."""

from pathlib import Path

import polars as pl

from catalog_api.imports.errors import NothingToImport
from catalog_api.imports.rows import Rule, accepted, judged, name_rules
from catalog_api.imports.tsv import LINE, REASON, header_of, table_of
from foundation.contracts.history import ARTISTS, COUNTS, LISTENERS, SONGS, History

SOURCE = "lastfm_hetrec"
PLAYS_FILES = ("user_artists.dat", "user_artists_train.tsv")  # the published file, and a training part of it
TAGGINGS = ("user_taggedartists.dat", "user_taggedartists_recovered.tsv")
MOST_PLAYS = 10**12
PERSONAL_TAGS = ("seen live", "favorites", "favourites", "albums i own")  # of the listener, not of the music
UNNAMED = "Unknown artist {}"  # the name of an artist whom artists.dat does not name, with the id


def is_here(folder: Path) -> bool:
    """Whether the folder looks like this data set."""
    return any((folder / name).is_file() for name in PLAYS_FILES)


def read(folder: Path) -> History:
    """The history of the folder: an artist stands in as one song of that artist, named as the artist.

    Each song's genre is the tag most often given to its artist, where the folder has tags. Raises BrokenFile.
    """
    if not (folder / "artists.dat").is_file():
        raise NothingToImport(
            f"{folder} has the plays of HetRec 2011 but no artists.dat, which names the artists"
        )
    path = next(folder / name for name in PLAYS_FILES if (folder / name).is_file())
    rows, refused = accepted(judged(_plays_in(path), _PLAY_RULES), path)
    artists = _artists(folder / "artists.dat", rows["artist"]).join(_genres(folder), on="artist", how="left")
    external_id = pl.col("artist").alias("external_id")
    return History(
        source=SOURCE,
        listeners=rows.select(
            pl.col("listener").unique(maintain_order=True).alias("external_id"), country=pl.lit("")
        ).cast(LISTENERS),
        artists=artists.select(external_id, "name", country=pl.lit("")).cast(ARTISTS),
        songs=artists.select(
            external_id,
            pl.col("artist").alias("artist_external_id"),
            pl.col("name").alias("title"),
            album=pl.lit(""),
            genre=pl.col("genre").fill_null(""),
            song_ms=pl.lit(None, pl.UInt32),
            released_on=pl.lit(None, pl.Date),
        ).cast(SONGS),
        counts=rows.select(
            pl.col("listener").alias("listener_external_id"),
            pl.col("artist").alias("song_external_id"),
            "plays",
        ).cast(COUNTS),
        refused=refused,
    )


def _plays_in(path: Path) -> pl.DataFrame:
    plays = "plays" if "plays" in header_of(path) else "weight"
    told = table_of(path, ("userID", "artistID", plays))
    return told.select(
        LINE,
        pl.col("userID").alias("listener"),
        pl.col("artistID").alias("artist"),
        pl.col(plays).cast(pl.Int64, strict=False).alias("plays"),
        REASON,
    )


_PLAY_RULES: list[Rule] = [
    *(
        (~pl.col(column).str.contains("^[0-9]{1,18}$"), f"{column} id not a number")
        for column in ("listener", "artist")
    ),
    (pl.col("plays").is_null(), "plays not a whole number"),
    (pl.col("plays") < 0, "plays negative"),
    (pl.col("plays") == 0, "no plays"),
    (pl.col("plays") > MOST_PLAYS, f"more than {MOST_PLAYS:,} plays"),
    (~pl.struct("listener", "artist").is_first_distinct(), "listener and artist told before"),
]


def _artists(path: Path, played: pl.Series) -> pl.DataFrame:
    """Every artist with a name: those of the file, and after them those who were played and are not in it."""
    told = table_of(path, ("id", "name")).rename({"id": "artist"})
    rules: list[Rule] = [
        (~pl.col("artist").str.contains("^[0-9]{1,18}$"), "artist id not a number"),
        (~pl.col("artist").is_first_distinct(), "artist told before"),
        *name_rules("name", "name"),
    ]
    named, _unnamed = accepted(judged(told, rules), path)
    missing = pl.DataFrame({"artist": played.unique(maintain_order=True)}).join(
        named, on="artist", how="anti"
    )
    return pl.concat(
        [
            named.select("artist", pl.col("name").str.strip_chars()),
            missing.with_columns(pl.format(UNNAMED, "artist").alias("name")),
        ]
    )


def _genres(folder: Path) -> pl.DataFrame:
    """The tag most listeners gave each artist; of equals the one with the lowest id. No rows without the files.

    Tags that tell of the listener (PERSONAL_TAGS) are passed over.
    """
    path = next((folder / name for name in TAGGINGS if (folder / name).is_file()), None)
    if path is None or not (folder / "tags.dat").is_file():
        return pl.DataFrame(schema={"artist": pl.String, "genre": pl.String})
    tags = table_of(folder / "tags.dat", ("tagID", "tagValue"), encoding="latin-1").select(
        pl.col("tagID").cast(pl.UInt32, strict=False), pl.col("tagValue").str.strip_chars().alias("genre")
    )
    given = table_of(path, ("userID", "artistID", "tagID")).select(
        pl.col("artistID").alias("artist"), pl.col("tagID").cast(pl.UInt32, strict=False)
    )
    genres = tags.drop_nulls().filter(~pl.col("genre").is_in(["", *PERSONAL_TAGS])).unique("tagID")
    counted = given.join(genres, on="tagID").group_by("artist", "tagID", "genre").len()
    return (
        counted.sort("len", "tagID", descending=[True, False])
        .unique("artist", keep="first")
        .select("artist", "genre")
    )
