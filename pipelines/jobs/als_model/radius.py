"""Lays the lists of a new model beside those of the live one, for listeners whom both know."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foundation.contracts.tables import Interactions as Columns
from foundation.contracts.tables import Songs
from models.als.training import Model
from models.arrays import Factors, Matrix, Positions
from models.evaluation.radius import Radius
from models.evaluation.ranking import inner_products, ranked
from models.interactions import Interactions, positions
from pipelines.context import Context, Schema
from pipelines.jobs.als_model.judging import K

SAMPLED = 1_000  # listeners at most
UNKNOWN = -1
ARTISTS: Schema = {Songs.song_id: pl.Int64, Songs.artist_id: pl.Int64, Songs.artist: pl.String}


@dataclass(frozen=True, slots=True)
class Fit:
    """A model with the ids of its rows."""

    listener_ids: NDArray[np.int64]
    song_ids: NDArray[np.int64]
    model: Model


def beside(
    context: Context, live: str, before: Fit, after: Fit, rows: pl.DataFrame, *, seed: int = 1
) -> Radius:
    """What changes for the listeners whom both models know, of whom `rows` tell what they have heard."""
    artists = context.frame(Path(__file__).parent / "artists.sql", ARTISTS)
    return radius(live, before, after, rows, artists, np.random.default_rng(seed))


def radius(
    live: str,
    before: Fit,
    after: Fit,
    rows: pl.DataFrame,
    artists: pl.DataFrame,
    rng: np.random.Generator,
) -> Radius:
    """The same from a table of songs and their artists: the lists are those of taste, before any ranking of other kinds."""
    both = np.intersect1d(before.listener_ids, after.listener_ids)
    if len(both) > SAMPLED:
        both = np.sort(rng.choice(both, SAMPLED, replace=False))
    song_ids = np.union1d(before.song_ids, after.song_ids)
    heard = _heard(rows, both, song_ids)
    earlier, cost_before = _lists(before, both, song_ids, heard)
    later, cost_after = _lists(after, both, song_ids, heard)
    at = positions(artists[Songs.song_id].to_numpy(), song_ids)
    of_song = np.where(at >= 0, artists[Songs.artist_id].to_numpy()[at], UNKNOWN) if len(artists) else at
    names = dict(artists.select(Songs.artist_id, Songs.artist).unique(Songs.artist_id).iter_rows())
    return Radius.of(
        live,
        earlier,
        later,
        of_song,
        names | {UNKNOWN: "songs the catalog does not know"},
        milliseconds=(cost_before, cost_after),
    )


def _heard(rows: pl.DataFrame, listeners: Positions, song_ids: Positions) -> Matrix:
    """What these listeners have heard [listeners × songs]; who is in no row has heard nothing."""
    known = rows.filter(
        pl.col(Columns.listener_id).is_in(listeners.tolist())
        & pl.col(Columns.song_id).is_in(song_ids.tolist())
    )
    found = Interactions.of(known.select(Columns.listener_id, Columns.song_id, Columns.listens), song_ids)
    whole = found.rows_of(listeners)
    matrix = (
        found.listens[whole.clip(0)] if len(found.listener_ids) else Matrix((len(listeners), len(song_ids)))
    )
    for row in np.flatnonzero(whole < 0):
        matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]] = 0
    matrix.eliminate_zeros()
    return matrix


def _lists(fit: Fit, listeners: Positions, song_ids: Positions, heard: Matrix) -> tuple[Positions, float]:
    """The lists, without songs that the model does not know, and the milliseconds of a processor that one takes."""
    if not len(listeners):
        return np.empty((0, K), np.int64), 0.0
    songs = np.zeros((len(song_ids), fit.model.song_factors.shape[1]), np.float32)
    songs[positions(song_ids, fit.song_ids)] = fit.model.song_factors
    people: Factors = fit.model.listener_factors[positions(fit.listener_ids, listeners)]
    began = time.process_time()
    lists = ranked(inner_products(people, songs), heard, np.arange(len(listeners)), K)
    return lists, 1000 * (time.process_time() - began) / len(listeners)
