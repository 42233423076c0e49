"""The platform's own events, and anybody's, as a task: the past up to a moment, and what was first heard after it."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from foundation.contracts.history import History
from foundation.contracts.tables import Interactions as Columns
from models.evaluation.datasets import Dataset, of_pairs, of_plays
from pipelines.context import Context, NothingHeard, Schema

EVENTS = "events"
COUNTS_FROM = 30_000  # milliseconds from which a play is a listen, where no length is known
HERE = Path(__file__).parent
_PLAYS: Schema = {
    Columns.listener_id: pl.Int64,
    Columns.song_id: pl.Int64,
    "at_ms": pl.Int64,
    "played_ms": pl.Int64,
    "is_skip": pl.Boolean,
    "kind": pl.String,
}
_COUNTS: Schema = dict.fromkeys((Columns.listener_id, Columns.song_id, Columns.listens), pl.Int64)


def of_platform(context: Context, seed: int = 1) -> Dataset:
    """The platform's listens as a task; of play counts alone, a random part of them. Raises NothingHeard."""
    plays = context.frame(HERE / "plays.sql", _PLAYS, at_ms=context.at_ms)
    counts = context.frame(HERE.parent / "jobs/interactions/imported.sql", _COUNTS, at_ms=context.at_ms)
    if plays.is_empty() and counts.is_empty():
        raise NothingHeard(
            "there are no listens yet: import a history, or make a demonstration with ./segue demo"
        )
    if plays.is_empty():
        return of_pairs(EVENTS, counts, None, seed=seed)
    return of_plays(EVENTS, _timed(plays), counts=counts if counts.height else None)


def of_history(name: str, history: History, seed: int = 1) -> Dataset:
    """Any history that `segue import` reads as a task: by time where plays have times, else a random part of the counts."""
    if history.plays.is_empty():
        counts = _numbered(history.counts, history).rename({"plays": Columns.listens})
        return of_pairs(name, counts, None, seed=seed)
    genres = history.songs.select(
        pl.col("external_id").alias("song_external_id"), pl.col("genre").alias("kind")
    )
    plays = history.plays.join(genres, on="song_external_id", how="left").with_columns(
        at_ms=pl.col("started_at").dt.epoch("ms"), is_skip=pl.col("played_ms") < COUNTS_FROM
    )
    counts = history.counts.rename({"plays": Columns.listens})
    return of_plays(
        name,
        _timed(_numbered(plays, history)),
        counts=_numbered(counts, history) if counts.height else None,
    )


def _timed(plays: pl.DataFrame) -> pl.DataFrame:
    """Plays as `of_plays` wants them."""
    return plays.with_columns(
        at=pl.from_epoch("at_ms", time_unit="ms").dt.replace_time_zone("UTC"),
        seconds=pl.col("played_ms").cast(pl.Float64) / 1000,
        kind=pl.col("kind").fill_null(""),
    )


def _numbered(rows: pl.DataFrame, history: History) -> pl.DataFrame:
    """The rows with a number for each external id."""
    numbers: Mapping[str, tuple[str, pl.DataFrame]] = {
        Columns.listener_id: ("listener_external_id", history.listeners),
        Columns.song_id: ("song_external_id", history.songs),
    }
    for number, (external, known) in numbers.items():
        of_each = known.select(pl.col("external_id").alias(external)).unique(maintain_order=True)
        rows = rows.join(of_each.with_row_index(number), on=external).with_columns(
            pl.col(number).cast(pl.Int64)
        )
    return rows
