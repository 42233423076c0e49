"""What the catalog tells of songs and listeners, as a bundle takes it."""

from pathlib import Path

import polars as pl

from foundation.contracts.tables import Listeners, Songs
from pipelines.context import Schema

SONGS_SQL, LISTENERS_SQL = (Path(__file__).parent / name for name in ("songs.sql", "listeners.sql"))
SONGS: Schema = {
    Songs.song_id: pl.Int64,
    Songs.title: pl.String,
    Songs.artist_id: pl.Int64,
    Songs.artist: pl.String,
    Songs.album: pl.String,
    Songs.genre: pl.String,
    Songs.song_ms: pl.UInt32,
    Songs.released_on: pl.Date,
    Songs.is_explicit: pl.Boolean,
    Songs.is_everywhere: pl.Boolean,
    Songs.regions: pl.List(pl.String),
    Songs.origin: pl.String,
    Songs.external_id: pl.String,
}
LISTENERS: Schema = {
    Listeners.listener_id: pl.Int64,
    Listeners.origin: pl.String,
    Listeners.external_id: pl.String,
    Listeners.country: pl.String,
}
