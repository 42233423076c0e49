"""Makes the demonstration world: its listening history, as any import reads it, and the truth behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from foundation.contracts.history import PLAYS, History
from foundation.errors import Problem
from pipelines.world.catalogue import Catalogue, Ints, make_catalogue
from pipelines.world.listening import ENDINGS, FIT, Calendar, Plays, Shelf, Stage, endings, lengths, play_ids
from pipelines.world.lyrics import make_lyrics
from pipelines.world.people import People, make_people

SOURCE = "world"
FEWEST_SONGS = 20
PLAYS_AT_ONCE = 400_000


class WorldTooSmall(Problem):
    """A world in which nobody could listen to anything."""

    status: ClassVar[int] = 422
    title: ClassVar[str] = "This world is too small"


@dataclass(frozen=True, slots=True)
class World:
    """A history of plays, and the hidden truth: who likes what, and how much.

    Indices are the rows of `history.listeners` and `history.songs`.
    """

    history: History
    catalogue: Catalogue
    people: People

    @property
    def genres(self) -> list[str]:
        """The names of the columns of `genre_tastes`."""
        return [genre.name for genre in self.catalogue.genres]

    @property
    def genre_tastes(self) -> npt.NDArray[np.float32]:
        """float32[listeners, genres]: the share of each genre in what a listener seeks."""
        return self.people.genre_tastes

    def expected_taste(self, listener: int) -> list[tuple[str, float]]:
        """The genres a listener seeks with their shares, the dearest first."""
        tastes = self.people.genre_tastes[listener]
        order = np.argsort(-tastes, kind="stable")
        return [(self.genres[genre], float(tastes[genre])) for genre in order]

    def affinity(self, listener: int | Ints, song: int | Ints) -> npt.NDArray[np.float32]:
        """How much a listener seeks a song, its fame left aside, from 0 to 1; of arrays, one for each pair.

        share of the genre · share of the scene within it · exp(FIT · (cos(listener, song) - 1))
        """
        scene = self.catalogue.song_scene[song]
        genre, corner = np.divmod(scene, self.catalogue.scenes_of_a_genre)
        sought = self.people.genre_tastes[listener, genre] * self.people.scene_tastes[listener, genre, corner]
        fit = (self.people.vectors[listener] * self.catalogue.song_vectors[song]).sum(axis=-1)
        return np.asarray(sought * np.exp(FIT * (fit - 1)), dtype=np.float32)

    def listened(self, rng: np.random.Generator, listener: int, songs: Ints) -> list[tuple[int, str]]:
        """How long somebody would listen to each of some songs, one after the other, in ms; and why each play ends."""
        played = lengths(rng, self.catalogue, self.people, np.full(len(songs), listener), songs)
        is_last = np.arange(len(songs)) == len(songs) - 1
        ending = endings(rng, self.catalogue, songs, played, is_last=is_last)
        return [(int(each), ENDINGS[why]) for each, why in zip(played, ending, strict=True)]


def make_world(rng: np.random.Generator, *, listeners: int, songs: int, days: int, until: datetime) -> World:
    """A world of this size, with plays in the `days` that end at `until`; the same `rng`, the same world.

    About 4.7 plays a listener and day. Raises WorldTooSmall below one listener, one day or twenty songs.
    """
    if listeners < 1 or days < 1 or songs < FEWEST_SONGS:
        raise WorldTooSmall(f"a world has a listener, a day, and {FEWEST_SONGS} songs at the least")
    # Sources of their own: who listens to what hangs neither on words nor on what players tell.
    of_lyrics, of_endings = rng.spawn(2)
    begins_at = until.astimezone(UTC) - timedelta(days=days)
    catalogue = make_catalogue(rng, songs=songs, days=days, begins_on=begins_at.date())
    people = make_people(rng, listeners=listeners, catalogue=catalogue)
    stage = Stage(
        catalogue, people, Calendar.of(begins_at, days), Shelf.of(catalogue), int(until.timestamp() * 1000)
    )
    chunks = [
        _frame(rng, stage.play(rng, of_endings, first, last), people, catalogue)
        for first, last in _chunks(people, days)
    ]
    history = History(
        source=SOURCE,
        listeners=people.frame,
        artists=catalogue.artists,
        songs=catalogue.songs,
        plays=pl.concat(chunks).sort("started_at", "play_id"),
        lyrics=make_lyrics(of_lyrics, catalogue.songs),
    )
    return World(history, catalogue, people)


def _chunks(people: People, days: int) -> Iterator[tuple[int, int]]:
    """Ranges of listeners who together play about PLAYS_AT_ONCE songs, which bounds the memory they need."""
    expected = np.cumsum(people.sessions_a_day * days * 12)
    cuts = np.flatnonzero(np.diff(expected // PLAYS_AT_ONCE)) + 1
    edges = [0, *cuts.tolist(), len(expected)]
    return pairwise(edges)


def _frame(rng: np.random.Generator, plays: Plays, people: People, catalogue: Catalogue) -> pl.DataFrame:
    ids = play_ids(rng, plays.started_ms)
    offsets = np.arange(len(ids) + 1, dtype=np.int64) * 16
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(ids.tobytes())]
    binary = pa.Array.from_buffers(pa.large_binary(), len(ids), buffers)
    return pl.DataFrame(
        {
            "play_id": pl.Series("play_id", pl.from_arrow(binary), dtype=pl.Binary),
            "listener_external_id": people.frame["external_id"].gather(plays.listener),
            "song_external_id": catalogue.songs["external_id"].gather(plays.song),
            "started_at": pl.Series(plays.started_ms).cast(pl.Datetime("ms", "UTC")),
            "played_ms": pl.Series(plays.played_ms.astype(np.uint32)),
            "reason": pl.Series(ENDINGS).gather(plays.ending),
            "is_private": pl.repeat(value=False, n=len(ids), eager=True),
        },
        schema=PLAYS,
    )
