"""Listens that other services kept without how long each was played: which rows hold, and the history they make.

How they count: a scrobble *is* a listen, since its service took it only after half of the song or four minutes. It is
kept as played for the song's length where the file tells one, else for the 30 seconds that a listen lasts at least; so
hours are a lower bound, and the report says so. A play that was once exported from here tells its own length, moment
and id, and is the same play again.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from catalog_api.imports import plays
from catalog_api.imports.json_rows import LineOf
from catalog_api.imports.play_ids import with_scrobble_ids
from catalog_api.imports.plays import LONGEST_PLAY, SKEW, album_rules, song_key
from catalog_api.imports.rows import Rule, accepted, judged, name_rules
from catalog_api.imports.tsv import LINE, REASON
from event_log.listens import LISTEN_MS
from foundation.contracts.history import History

EARLIEST = datetime(2002, 1, 1, tzinfo=UTC)  # in that year the first of these services began
NO_TIME = "no time: still playing when it was exported"
ASSUMED = "is_assumed"  # whether how long it was played is not told
NOTE = (
    "this source tells listens, not how long they were played: each counts, for its song's length, "
    "or for 30 s where that is unknown"
)
TOLD: dict[str, pl.DataType] = {
    LINE: pl.UInt32(),
    "listener": pl.String(),
    "listened_at": pl.Datetime("ms", "UTC"),  # when it began
    "artist": pl.String(),
    "title": pl.String(),
    "album": pl.String(),
    "song_ms": pl.Int64(),  # null where the file does not tell it
    "played_ms": pl.Int64(),  # null where the file does not tell it
    "play_id": pl.Binary(),  # of what was exported from here, else null
    REASON: pl.String(),
}


def checked(
    told: pl.DataFrame, path: Path, now: datetime, source: str, line_of: LineOf = int
) -> tuple[pl.DataFrame, Counter[str]]:
    """The rows (as TOLD) of one file as `plays.history_of` takes them, and the number of the others by reason.

    Raises BrokenFile where most rows are bad; what was still playing is not bad.
    """
    # A length that cannot be is no length: players send 0, and some send seconds for milliseconds.
    longest = LONGEST_PLAY.total_seconds() * 1000
    song_ms = pl.when(pl.col("song_ms").is_between(1, longest)).then("song_ms")
    rows, refused = accepted(
        judged(told.select(list(TOLD)).with_columns(song_ms.alias("song_ms")), _rules(now)),
        path,
        (NO_TIME,),
        line_of,
    )
    played_ms = pl.coalesce("played_ms", "song_ms", pl.lit(LISTEN_MS))
    named = with_scrobble_ids(rows.rename({"play_id": "own_id"}), source).with_columns(
        pl.coalesce("own_id", "play_id").alias("play_id")
    )
    whole = named.with_columns(
        pl.col("played_ms").is_null().alias(ASSUMED),
        song_key(pl.col("artist"), pl.col("title")).alias("song"),
        played_ms.alias("played_ms"),
        (pl.col("listened_at") + pl.duration(milliseconds=played_ms))
        .dt.cast_time_unit("ms")
        .alias("ended_at"),
        pl.col("song_ms").cast(pl.UInt32),
        country=pl.lit(""),
        ended_by=pl.lit(""),
        is_private=pl.lit(value=False),
    )
    return whole.select(
        *(name for name in plays.TOLD if name != REASON), "song_ms", "play_id", ASSUMED
    ), refused


def history_of(source: str, files: Sequence[pl.DataFrame], refused: Counter[str]) -> History:
    """The history that the checked rows of one or more files tell together, and a note of how they count."""
    is_assumed = any(rows[ASSUMED].any() for rows in files)
    return plays.history_of(source, files, refused, notes=(NOTE,) if is_assumed else ())


def _rules(now: datetime) -> list[Rule]:
    listened_at, played_ms = pl.col("listened_at"), pl.col("played_ms")
    return [
        *name_rules("listener", "listener"),
        *name_rules("artist", "artist"),
        *name_rules("title", "song"),
        (listened_at.is_null(), "time not understood"),
        (listened_at > pl.lit(now + SKEW), "time in the future"),
        (listened_at < pl.lit(EARLIEST), f"time before {EARLIEST.year}"),
        (played_ms < 0, "played time negative"),
        (played_ms > LONGEST_PLAY.total_seconds() * 1000, "played time over a day"),
        *album_rules(),
    ]
