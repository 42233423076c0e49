"""The recommender of a platform on which nothing has been published yet: it has heard of nobody and knows no song."""

from datetime import UTC, datetime
from functools import cache

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from foundation.contracts.tables import Listeners, Songs
from models.als.parameters import Parameters
from models.bundle import Bundle
from serving.recommend.recommender import Recommender

SONGS = {
    Songs.song_id: pl.Int64,
    Songs.title: pl.String,
    Songs.artist_id: pl.Int64,
    Songs.artist: pl.String,
    Songs.genre: pl.String,
}
LISTENERS = {Listeners.listener_id: pl.Int64, Listeners.origin: pl.String, Listeners.external_id: pl.String}


@cache
def nothing_published() -> Recommender:
    """Recommends what is trending to whoever asks, by the code that everyone else gets."""
    nothing = Bundle(
        version="",
        model="",
        song_ids=np.empty(0, np.int64),
        song_factors=np.empty((0, 0), np.float32),
        listener_ids=np.empty(0, np.int64),
        listener_factors=np.empty((0, 0), np.float32),
        heard=csr_array((0, 0), dtype=np.float32),
        popularity=np.empty(0, np.int64),
        songs=pl.DataFrame(schema=SONGS),
        listeners=pl.DataFrame(schema=LISTENERS),
        trained_until=datetime(1970, 1, 1, tzinfo=UTC),
        parameters=Parameters(members=()),
    )
    return Recommender.over(nothing, _no_songs)


def _no_songs(*_: object) -> list[int]:
    return []
