"""Dated plays of any export: which rows hold, and the history they make."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from catalog_api.imports.json_rows import LineOf
from catalog_api.imports.play_ids import with_play_ids
from catalog_api.imports.rows import CONTROL, LONGEST_NAME, Rule, accepted, judged, name_rules
from catalog_api.imports.tsv import LINE, REASON
from foundation.contracts.history import ARTISTS, LISTENERS, PLAYS, SONGS, History

LONGEST_PLAY = timedelta(days=1)
EARLIEST = datetime(
    2000, 1, 1, tzinfo=UTC
)  # before, no service told what was played: such times are unset clocks
SKEW = timedelta(minutes=5)  # by how much a clock elsewhere may run ahead of ours
TOLD = {
    LINE: pl.UInt32,
    "listener": pl.String,
    "ended_at": pl.Datetime("ms", "UTC"),
    "artist": pl.String,
    "title": pl.String,
    "album": pl.String,
    "song": pl.String,  # the song's external id
    "country": pl.String,
    "played_ms": pl.Int64,
    "ended_by": pl.String,  # as EndReason names it, "" where unknown
    "is_private": pl.Boolean,
    REASON: pl.String,
}


def song_key(artist: pl.Expr, title: pl.Expr) -> pl.Expr:
    """The external id of a song that a source knows by names only: artist, tab, title, as the file writes them.

    Neither name may hold a tab, so no two songs share a key.
    """
    return pl.concat_str(artist, title, separator="\t")


def checked(
    told: pl.DataFrame,
    path: Path,
    now: datetime,
    source: str,
    harmless: Collection[str] = (),
    line_of: LineOf = int,
) -> tuple[pl.DataFrame, Counter[str]]:
    """The rows (as TOLD) of one file that hold, with their `play_id`, and the number of the others by reason.

    Raises BrokenFile where most rows are bad; those left out for a `harmless` reason are not bad.
    """
    rows, refused = accepted(judged(told.select(list(TOLD)), _rules(now)), path, harmless, line_of)
    return with_play_ids(rows.with_columns(song_ms=pl.lit(None, pl.UInt32)), source), refused


def history_of(
    source: str, files: Sequence[pl.DataFrame], refused: Counter[str], notes: Sequence[str] = ()
) -> History:
    """The history that the checked rows of one or more files tell together."""
    plays = pl.concat(files)
    newest_last = plays.sort(
        "ended_at", "artist", "title", "album"
    )  # so that order within files decides nothing
    listeners = newest_last.group_by("listener").agg(pl.col("country").filter(pl.col("country") != "").last())
    songs = newest_last.group_by("song").agg(
        pl.col("artist", "title").last(),
        pl.col("album").filter(pl.col("album") != "").last(),
        pl.col("song_ms").drop_nulls().last(),
    )
    return History(
        source=source,
        listeners=listeners.sort("listener")
        .select(pl.col("listener").alias("external_id"), pl.col("country").fill_null(""))
        .cast(LISTENERS),
        artists=songs.select(pl.col("artist").unique().sort().alias("external_id"))
        .select("external_id", pl.col("external_id").str.strip_chars().alias("name"), country=pl.lit(""))
        .cast(ARTISTS),
        songs=songs.sort("song")
        .select(
            pl.col("song").alias("external_id"),
            pl.col("artist").alias("artist_external_id"),
            pl.col("title").str.strip_chars(),
            pl.col("album").fill_null("").str.strip_chars(),
            "song_ms",
            genre=pl.lit(""),
            released_on=pl.lit(None, pl.Date),
        )
        .select(list(SONGS))
        .cast(SONGS),
        plays=plays.select(
            "play_id",
            pl.col("listener").alias("listener_external_id"),
            pl.col("song").alias("song_external_id"),
            (pl.col("ended_at") - pl.duration(milliseconds="played_ms"))
            .dt.cast_time_unit("ms")
            .alias("started_at"),
            "played_ms",
            pl.col("ended_by").alias("reason"),
            "is_private",
        ).cast(PLAYS),
        refused=refused,
        notes=(*notes, *_of_private_sessions(plays)),
    )


def _of_private_sessions(plays: pl.DataFrame) -> list[str]:
    private = plays["is_private"].sum()
    return [f"{private:,} plays are of private sessions: they count for the songs alone"] if private else []


def _rules(now: datetime) -> list[Rule]:
    ended_at, played_ms = pl.col("ended_at"), pl.col("played_ms")
    return [
        *name_rules("listener", "listener"),
        *name_rules("artist", "artist"),
        *name_rules("title", "song"),
        (ended_at.is_null(), "end time not understood"),
        (ended_at > pl.lit(now + SKEW), "end time in the future"),
        (ended_at < pl.lit(EARLIEST), f"end time before {EARLIEST.year}"),
        (played_ms.is_null(), "played time not a number of milliseconds"),
        (played_ms < 0, "played time negative"),
        (played_ms > LONGEST_PLAY // timedelta(milliseconds=1), "played time over a day"),
        (pl.col("song").str.len_bytes() > 2 * LONGEST_NAME + 1, "song id too long"),
        (
            pl.col("song").str.replace("\t", "", literal=True).str.contains(CONTROL),
            "control character in song id",
        ),
        *album_rules(),
    ]


def album_rules() -> list[Rule]:
    """An album need not be there; where it is, every store must be able to hold it."""
    album = pl.col("album")
    return [
        (album.str.len_bytes() > LONGEST_NAME, f"album longer than {LONGEST_NAME:,} bytes"),
        (album.str.contains(CONTROL), "control character in album"),
    ]
