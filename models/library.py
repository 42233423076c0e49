"""What is said of the songs and listeners of a past beside who heard what, row by row."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from foundation.contracts.tables import Listeners, Songs
from models.arrays import Factors, Positions
from models.interactions import positions
from models.past import Past


@dataclass(frozen=True, slots=True)
class Library:
    """Row i of `songs` and `texts` is column i of a past, row i of `listeners` is its row i; ids ascend."""

    songs: (
        pl.DataFrame
    )  # as a bundle has them: song_id, title, artist_id, artist, genre, and what else is known
    listeners: pl.DataFrame  # listener_id, country
    texts: Factors | None = None  # [songs × dimensions]; zeros where a song has none

    @classmethod
    def of(
        cls,
        song_ids: Positions,
        listener_ids: Positions,
        songs: pl.DataFrame,
        listeners: pl.DataFrame,
        texts: tuple[Positions, Factors] | None = None,
    ) -> Self:
        """What tables of songs and listeners, and vectors of songs' texts by ascending id, say of these ids, ascending."""
        of_songs = pl.DataFrame({Songs.song_id: song_ids}).join(songs, on=Songs.song_id, how="left")
        of_listeners = people(listener_ids)
        if Listeners.country in listeners.columns:
            known = listeners.select(Listeners.listener_id, pl.col(Listeners.country).alias("told"))
            of_listeners = of_listeners.join(known, on=Listeners.listener_id, how="left").with_columns(
                pl.col("told").fill_null("").alias(Listeners.country)
            )
        return cls(
            named(of_songs),
            of_listeners.drop("told", strict=False),
            None if texts is None else rows_of(*texts, song_ids),
        )

    @classmethod
    def unknown(cls, past: Past) -> Self:
        """The library of a past of which nothing is known but who heard what: each song is an artist's only one.

        >>> import scipy.sparse as sp
        >>> Library.unknown(Past(sp.csr_array((2, 3)))).songs["song_id"].to_list()
        [1, 2, 3]
        """
        listeners, songs = past.shape
        return cls(
            named(pl.DataFrame({Songs.song_id: np.arange(1, songs + 1)})), people(np.arange(1, listeners + 1))
        )


def rows_of(told: Positions, vectors: Factors, song_ids: Positions) -> Factors:
    """The vectors of these songs, zeros where one is not among those `told`, ascending, of whom there are `vectors`."""
    at = positions(told, song_ids)
    rows = np.zeros((len(song_ids), vectors.shape[1]), np.float32)
    rows[at >= 0] = vectors[at[at >= 0]]
    return rows


def named(songs: pl.DataFrame) -> pl.DataFrame:
    """The songs with every column that serving cannot do without; what is missing says nothing of a song."""
    unknown = {
        Songs.title: pl.lit(""),
        Songs.artist_id: pl.col(Songs.song_id),
        Songs.artist: pl.lit(""),
        Songs.album: pl.lit(""),
        Songs.genre: pl.lit(""),
        Songs.external_id: pl.lit(""),
    }
    return songs.with_columns(
        (pl.col(name).fill_null(value) if name in songs.columns else value).alias(name)
        for name, value in unknown.items()
    )


def people(listener_ids: Positions) -> pl.DataFrame:
    """Listeners of whom nothing is known."""
    return pl.DataFrame({Listeners.listener_id: listener_ids}).with_columns(
        pl.lit("").alias(name) for name in (Listeners.origin, Listeners.external_id, Listeners.country)
    )
