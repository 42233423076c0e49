"""Finds for each song of a history the song of the catalog that it is, by the same names or by names alike enough.

A score is the lower of two likenesses, of the artists' names and of the titles (`similarity.alike`); titles whose numbers
differ are never the same song. Of 430 labelled pairs of two shops, 105 of them the same, 0.8 takes 77 % of those and no
other; 0.6 takes 83 %, and 3 % of what it takes is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
import psycopg

from catalog_api.imports.errors import NoThreshold
from catalog_api.imports.matching import repository
from catalog_api.imports.matching.similarity import alike, folded, numbers, recording
from foundation.contracts.history import History

THRESHOLD = 0.8
BELOW = 0.2  # how far under the threshold a song is still shown, as what was missed closely
LOWEST = 0.4
SongsOf = Callable[[pl.Series], pl.DataFrame]
MATCHED = pl.Schema(
    {
        "external_id": pl.String(),
        "artist": pl.String(),
        "title": pl.String(),
        "how": pl.String(),  # known, exact, alike, near (alike, and not enough) or new
        "score": pl.Float64(),
        "song_id": pl.Int64(),  # of the catalog, as the rest; null where nothing is near
        "artist_id": pl.Int64(),
        "catalog_artist": pl.String(),
        "catalog_title": pl.String(),
    }
)


@dataclass(frozen=True, slots=True)
class Matches:
    """The songs of a history, each with what it is in the catalog (as MATCHED)."""

    threshold: float
    songs: pl.DataFrame

    @property
    def joined(self) -> pl.DataFrame:
        """Those that are songs of the catalog under another name."""
        return self.songs.filter(pl.col("how").is_in(["exact", "alike"]))


def matches_in(db: psycopg.Connection, history: History, threshold: float) -> Matches:
    """What the catalog has of the history's songs. Nothing is written. Raises NoThreshold."""
    if not LOWEST <= threshold <= 1:
        raise NoThreshold(f"the threshold is from {LOWEST} to 1, not {threshold}", threshold=threshold)
    known = repository.known(db, "song", history.source)
    names = history.artists.select(
        pl.col("external_id").alias("artist_external_id"), pl.col("name").alias("artist")
    )
    told = history.songs.join(names, on="artist_external_id", how="left").select(
        "external_id", "artist", "title"
    )
    fresh = told.join(known, on="external_id", how="anti")
    found = match(fresh, repository.artists(db), lambda artists: repository.songs_of(db, artists), threshold)
    before = told.join(known.rename({"id": "song_id"}), on="external_id").with_columns(how=pl.lit("known"))
    return Matches(
        threshold, pl.concat([before, found], how="diagonal").select(list(MATCHED)).sort("external_id")
    )


def match(told: pl.DataFrame, artists: pl.DataFrame, songs_of: SongsOf, threshold: float) -> pl.DataFrame:
    """Each song told (external_id, artist, title) with its best match (as MATCHED).

    Of equal scores the oldest song is taken, so that the same catalog gives the same answer.
    """
    floor = max(LOWEST, threshold - BELOW)
    songs = told.with_columns(folded(pl.col("artist")).alias("by"), folded(pl.col("title")).alias("called"))
    named = artists.with_columns(folded(pl.col("artist")).alias("by"))
    pairs = _artists_alike(songs["by"], named["by"], floor)
    candidates = named.join(pairs.select(by=pl.col("catalog_by").unique()), on="by")
    theirs = songs_of(candidates["artist_id"]).join(candidates, on="artist_id")
    theirs = theirs.with_columns(folded(pl.col("title")).alias("called"))
    exact = songs.join(_oldest(theirs, "by", "called"), on=["by", "called"]).with_columns(score=1.0)
    rest = songs.join(exact, on="external_id", how="anti")
    best = pl.concat(
        [
            exact.with_columns(how=pl.lit("exact")).select(list(MATCHED)),
            _best(rest, theirs, pairs, floor)
            .with_columns(
                how=pl.when(pl.col("score") >= threshold - 1e-9)
                .then(pl.lit("alike"))
                .otherwise(pl.lit("near"))
            )
            .select(list(MATCHED)),
        ]
    )
    new = songs.join(best, on="external_id", how="anti").with_columns(how=pl.lit("new"))
    return pl.concat([best, new.select("external_id", "artist", "title", "how")], how="diagonal").cast(
        MATCHED
    )


def _artists_alike(told: pl.Series, catalog: pl.Series, floor: float) -> pl.DataFrame:
    """Pairs of artists' names: by, catalog_by, likeness."""
    sides = [names.unique().sort().alias("name").to_frame().with_row_index("id") for names in (told, catalog)]
    return (
        alike(*sides, floor=floor)
        .join(sides[0].select(left="id", by="name"), on="left")
        .join(sides[1].select(right="id", catalog_by="name"), on="right")
        .select("by", "catalog_by", "likeness")
    )


def _best(songs: pl.DataFrame, theirs: pl.DataFrame, pairs: pl.DataFrame, floor: float) -> pl.DataFrame:
    """The best match of each song among the songs of artists whose name is alike, where there is one."""
    core = folded(recording(pl.col("title")))
    left = songs.with_columns(core.alias("name")).join(pairs, on="by").with_row_index("id")
    right = _oldest(theirs.with_columns(core.alias("name")), "by", "name").with_row_index("id")
    sides = (
        side.select("id", "name", within=pl.concat_str(by, numbers(pl.col("name")), separator="\t"))
        for side, by in ((left, "catalog_by"), (right, "by"))
    )
    found = alike(*sides, floor=floor, within="within")
    scored = (
        found.rename({"likeness": "title_likeness"})
        .join(left.drop("name"), left_on="left", right_on="id")
        .join(
            right.select("id", "song_id", "artist_id", "catalog_artist", "catalog_title"),
            left_on="right",
            right_on="id",
        )
        .with_columns(pl.min_horizontal("likeness", "title_likeness").alias("score"))
    )
    return scored.sort("score", "title_likeness", "song_id", descending=[True, True, False]).unique(
        "external_id", keep="first", maintain_order=True
    )


def _oldest(theirs: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Of songs with the same names the one with the lowest id."""
    return (
        theirs.sort("song_id")
        .unique(names, keep="first", maintain_order=True)
        .rename({"artist": "catalog_artist", "title": "catalog_title"})
    )


def join(db: psycopg.Connection, history: History, threshold: float) -> pl.DataFrame:
    """Write down which songs and artists of ours the history means, and return those songs (as MATCHED).

    An artist is whoever most of these songs are by. What the source meant before stays, so that telling a history
    again, or with another threshold, moves no song. Inside the caller's transaction.
    """
    joined = matches_in(db, history, threshold).joined
    theirs = history.songs.select("external_id", "artist_external_id").join(joined, on="external_id")
    artists = (
        theirs.group_by("artist_external_id", "artist_id")
        .len()
        .sort("len", "artist_id", descending=[True, False])
        .unique("artist_external_id", keep="first", maintain_order=True)
    )
    repository.note(db, "song", history.source, joined.select("external_id", id="song_id"))
    repository.note(
        db, "artist", history.source, artists.select(external_id="artist_external_id", id="artist_id")
    )
    return joined
