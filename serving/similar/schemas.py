"""What songs like another look like to those who asked."""

from typing import Literal

import msgspec

By = Literal["listening", "text", "sessions"]


class SimilarSong(msgspec.Struct, frozen=True, gc=False):
    """A song like the one asked for; `score` is the cosine of their vectors, 1 for the same direction.

    By sessions it is how much the two are played in one sitting, beside what each is played with in all.
    """

    rank: int
    song_id: int
    title: str
    artist_id: int
    artist: str
    genre: str  # "" where none is known
    score: float


class SimilarSongs(msgspec.Struct, frozen=True, kw_only=True):
    """The songs most like one, by one model of one published version."""

    song_id: int
    title: str
    artist: str
    by: By
    model: str
    version: str
    items: tuple[SimilarSong, ...]


EXAMPLE = {
    "song_id": 98765,
    "title": "Bohemian Rhapsody",
    "artist": "Queen",
    "by": "listening",
    "model": "als/1",
    "version": "9325a6bd1f7e9784",
    "items": [
        {
            "rank": 1,
            "song_id": 98766,
            "title": "Somebody to Love",
            "artist_id": 111,
            "artist": "Queen",
            "genre": "rock",
            "score": 0.91,
        }
    ],
}


class SimilarArtist(msgspec.Struct, frozen=True, gc=False):
    """An artist like the one asked for; `score` is the cosine of the sums of their songs' factors."""

    rank: int
    artist_id: int
    artist: str
    score: float


class SimilarArtists(msgspec.Struct, frozen=True, kw_only=True):
    """The artists most like one, by one model of one published version."""

    artist_id: int
    artist: str
    model: str
    version: str
    items: tuple[SimilarArtist, ...]


ARTIST_EXAMPLE = {
    "artist_id": 111,
    "artist": "Queen",
    "model": "als/1",
    "version": "9325a6bd1f7e9784",
    "items": [{"rank": 1, "artist_id": 112, "artist": "Toto", "score": 0.83}],
}

_encoder = msgspec.json.Encoder()


def encoded(similar: SimilarSongs | SimilarArtists) -> bytes:
    """The answer as JSON, as the API gives it."""
    return _encoder.encode(similar)
