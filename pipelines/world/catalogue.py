"""The music of a made-up world: artists in scenes of genres, albums, songs, and how each tastes."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from foundation.contracts.history import ARTISTS, SONGS
from pipelines.world import names
from pipelines.world.backdrop import COUNTRIES, GENRES, Genre

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]

TASTE_DIMENSIONS = 12
SONGS_OF_AN_ARTIST = 8
SONGS_OF_AN_ALBUM = 9
OLDEST_ALBUM_DAYS = 15 * 365
NEW_SHARE = 0.1  # of the albums come out while the world is watched


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Songs, one row each, with the truth about them; rows of the frames are the indices used here.

    A scene is a corner of a genre whose artists sound alike. `scene_vectors` float32[scenes, d] and
    `song_vectors` float32[songs, d] have length 1; `song_weights` is how likely a song is within its scene;
    `released_days` counts from the beginning of the watched time and is negative before it.
    """

    artists: pl.DataFrame
    songs: pl.DataFrame
    genres: tuple[Genre, ...]
    scene_genre: Ints
    scene_vectors: Vectors
    song_scene: Ints
    song_country: Ints
    song_vectors: Vectors
    song_weights: Floats
    released_days: Ints

    @property
    def scenes_of_a_genre(self) -> int:
        """How many scenes each genre has; those of genre g are g·n to (g + 1)·n - 1."""
        return len(self.scene_genre) // len(self.genres)


def shape_of(songs: int) -> tuple[int, int, int]:
    """How many genres, scenes of each, and artists a catalogue of this many songs has.

    >>> shape_of(2_000), shape_of(20)
    ((12, 4, 250), (2, 2, 4))
    """
    genres = min(len(GENRES), max(songs // 10, 1))
    scenes = int(np.clip(songs // (genres * 40), 2, 12))
    return genres, scenes, max(genres * scenes, songs // SONGS_OF_AN_ARTIST)


def make_catalogue(rng: np.random.Generator, *, songs: int, days: int, begins_on: date) -> Catalogue:
    """Artists, albums and songs; about a tenth of the albums come out during the `days` after `begins_on`."""
    genres, scenes, artists = shape_of(songs)
    scene_genre = np.repeat(np.arange(genres), scenes)
    scene_vectors = unit(unit(_normal(rng, genres))[scene_genre] + 0.75 * unit(_normal(rng, genres * scenes)))
    weights = np.array([genre.weight for genre in GENRES[:genres]])[scene_genre] * rng.lognormal(
        0, 0.4, len(scene_genre)
    )
    spread = rng.choice(len(scene_genre), size=artists - len(scene_genre), p=weights / weights.sum())
    artist_scene = np.concatenate([rng.permutation(len(scene_genre)), spread])
    artist_vectors = scene_vectors[artist_scene] + 0.6 * unit(_normal(rng, artists))
    fame = rng.lognormal(0, 0.9, artists)
    artist_country = rng.choice(len(COUNTRIES), size=artists, p=shares([one.weight for one in COUNTRIES]))

    song_artist, album = _discographies(rng, songs, fame)
    song_scene = artist_scene[song_artist]
    released = _releases(rng, album[-1] + 1, days)
    ancestors = album[
        np.unique(song_scene, return_index=True)[1]
    ]  # every scene has something to play from day one
    released[ancestors] = np.minimum(released[ancestors], -365 - rng.integers(365, size=len(ancestors)))
    return Catalogue(
        artists=_artist_frame(rng, artist_country),
        songs=_song_frame(rng, song_artist, album, scene_genre[song_scene], released, begins_on),
        genres=GENRES[:genres],
        scene_genre=scene_genre,
        scene_vectors=scene_vectors,
        song_scene=song_scene,
        song_country=artist_country[song_artist],
        song_vectors=unit(artist_vectors[song_artist] + 0.35 * unit(_normal(rng, songs))),
        song_weights=fame[song_artist] * rng.pareto(1.8, songs).clip(0.05, 20),
        released_days=released[album],
    )


def _discographies(rng: np.random.Generator, songs: int, fame: Floats) -> tuple[Ints, Ints]:
    """The artist and the album of each song; the famous have more songs, everybody has one."""
    more = rng.multinomial(songs - len(fame), shares(np.sqrt(fame)))
    song_artist = np.repeat(np.arange(len(fame)), 1 + more)
    first_song = np.searchsorted(song_artist, np.arange(len(fame)))
    number = np.arange(songs) - first_song[song_artist]
    return song_artist, np.cumsum(number % SONGS_OF_AN_ALBUM == 0) - 1


def _releases(rng: np.random.Generator, albums: int, days: int) -> Ints:
    old = -1 - (OLDEST_ALBUM_DAYS * rng.beta(1, 2.5, albums)).astype(np.int64)
    return np.where(rng.random(albums) < NEW_SHARE, rng.integers(days, size=albums), old)


def _artist_frame(rng: np.random.Generator, country: Ints) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "external_id": numbered_ids("a", len(country)),
            "name": pl.Series(names.artists(rng, len(country)).tolist(), dtype=pl.String),
            "country": pl.Series([one.code for one in COUNTRIES], dtype=pl.String).gather(country),
        },
        schema=ARTISTS,
    )


def _song_frame(
    rng: np.random.Generator, artist: Ints, album: Ints, genre: Ints, released_days: Ints, begins_on: date
) -> pl.DataFrame:
    minutes = np.array([one.minutes for one in GENRES])[genre] * rng.lognormal(0, 0.22, len(artist))
    titles = names.albums(rng, len(released_days)).tolist()
    return pl.DataFrame(
        {
            "external_id": numbered_ids("s", len(artist)),
            "artist_external_id": pl.Series(numbered_ids("a", int(artist[-1]) + 1), dtype=pl.String).gather(
                artist
            ),
            "title": pl.Series(names.songs(rng, len(artist)).tolist(), dtype=pl.String),
            "album": pl.Series(titles, dtype=pl.String).gather(album),
            "genre": pl.Series([one.name for one in GENRES], dtype=pl.String).gather(genre),
            "song_ms": (minutes.clip(1.25, 15) * 60_000).astype(np.uint32),
            "released_on": pl.Series([begins_on + timedelta(int(day)) for day in released_days]).gather(
                album
            ),
        },
        schema=SONGS,
    )


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    """The rows with length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def shares(weights: npt.ArrayLike) -> Floats:
    """The weights, summing to 1."""
    amounts = np.asarray(weights, dtype=np.float64)
    return np.asarray(amounts / amounts.sum())


def numbered_ids(letter: str, count: int) -> list[str]:
    """External ids as short as text can be held inline (12 bytes): `s0000042`."""
    return [f"{letter}{number:07d}" for number in range(1, count + 1)]


def _normal(rng: np.random.Generator, rows: int) -> Vectors:
    return rng.standard_normal((rows, TASTE_DIMENSIONS), dtype=np.float32)
