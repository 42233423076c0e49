"""Who listened to what, and how often, as a matrix whose rows and columns know their ids."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from foundation.contracts.tables import Interactions as Columns
from models.arrays import Matrix, Positions


@dataclass(frozen=True, slots=True)
class Interactions:
    """How often each listener listened to each song: float32 [listeners × songs], ids ascending."""

    listener_ids: NDArray[np.int64]
    song_ids: NDArray[np.int64]
    listens: Matrix

    @classmethod
    def of(cls, rows: pl.DataFrame, song_ids: NDArray[np.int64] | None = None) -> "Interactions":
        """The matrix of rows (listener_id, song_id, listens); several rows of one pair add up.

        `song_ids`, ascending, may name more songs than the rows do, so that two matrices have the same columns.
        """
        listeners = rows[Columns.listener_id].cast(pl.Int64).to_numpy()
        songs = rows[Columns.song_id].cast(pl.Int64).to_numpy()
        listener_ids = np.unique(listeners)
        song_ids = np.unique(songs) if song_ids is None else song_ids
        cells = (np.searchsorted(listener_ids, listeners), np.searchsorted(song_ids, songs))
        counts = rows[Columns.listens].cast(pl.Float32).to_numpy()
        matrix = sp.coo_array((counts, cells), shape=(len(listener_ids), len(song_ids))).tocsr()
        matrix.sort_indices()
        return cls(listener_ids, song_ids, matrix)

    def rows_of(self, listener_ids: NDArray[np.int64]) -> Positions:
        """The row of each listener, -1 for one who is not here."""
        return positions(self.listener_ids, listener_ids)


def positions(ascending: NDArray[np.int64], wanted: NDArray[np.int64]) -> Positions:
    """Where each wanted id stands in an ascending array, -1 where it does not.

    >>> positions(np.array([3, 5, 9]), np.array([9, 4])).tolist()
    [2, -1]
    """
    if not len(ascending):
        return np.full(len(wanted), -1, dtype=np.int64)
    found = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    return np.where(ascending[found] == wanted, found, -1).astype(np.int64)
