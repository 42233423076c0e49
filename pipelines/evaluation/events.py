"""The platform's own events, and anybody's, as a task: the past up to a moment, and what was first heard after it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from foundation.contracts.history import History
from foundation.contracts.tables import Interactions as Columns
from foundation.contracts.tables import Songs
from models.arrays import Factors, Positions
from models.evaluation.datasets import Dataset, of_pairs, of_plays
from pipelines.context import Context, InputMissing, NothingHeard, Schema
from pipelines.dimensions import LISTENERS, LISTENERS_SQL, SONGS, SONGS_SQL
from pipelines.jobs.text_vectors import job as text_vectors
from pipelines.world.world import make_world

EVENTS, A_WORLD = "events", "world"
WORLD = (1_000, 4_000, 90)  # listeners, songs and days
WORLD_ENDS = datetime(2026, 3, 1, 12, tzinfo=UTC)
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
    return of_plays(
        EVENTS,
        _timed(plays),
        counts=counts if counts.height else None,
        songs=context.frame(SONGS_SQL, SONGS),
        people=context.frame(LISTENERS_SQL, LISTENERS),
        texts=_texts(context),
    )


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
        songs=_songs(history),
        people=_people(history),
    )


def of_world(seed: int = 1) -> Dataset:
    """A generated world, as `segue demo` makes them, as a task."""
    listeners, songs, days = WORLD
    world = make_world(
        np.random.default_rng(seed), listeners=listeners, songs=songs, days=days, until=WORLD_ENDS
    )
    return of_history(A_WORLD, world.history, seed)


def _texts(context: Context) -> tuple[Positions, Factors] | None:
    """The words of songs, where they were ever embedded."""
    try:
        told = text_vectors.newest(context).rows
    except InputMissing:
        return None
    return told.song_ids, told.vectors


def _songs(history: History) -> pl.DataFrame:
    """The songs of a history as a bundle has them, by the numbers of `_numbered`."""
    artists = history.artists.select(
        pl.col("external_id").alias("artist_external_id"), pl.col("name").alias(Songs.artist)
    ).unique("artist_external_id", maintain_order=True)
    numbered = artists.with_row_index(Songs.artist_id, offset=1).cast({Songs.artist_id: pl.Int64})
    return (
        history.songs.unique("external_id", maintain_order=True)
        .with_row_index(Songs.song_id)
        .cast({Songs.song_id: pl.Int64})
        .join(numbered, on="artist_external_id", how="left", maintain_order="left")
        .select(
            Songs.song_id,
            Songs.title,
            Songs.artist_id,
            Songs.artist,
            Songs.album,
            Songs.genre,
            Songs.released_on,
            Songs.external_id,
        )
    )


def _people(history: History) -> pl.DataFrame:
    return (
        history.listeners.unique("external_id", maintain_order=True)
        .with_row_index(Columns.listener_id)
        .cast({Columns.listener_id: pl.Int64})
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
