"""Feedback, taste and previews as the API takes and tells them."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from foundation.http.inputs import Input, Word
from foundation.ids import BIGGEST_ID
from serving.recommend.schemas import EXAMPLE as SLATE
from serving.recommend.schemas import Item

Number = Annotated[int, Field(ge=1, le=BIGGEST_ID)]
Songs = Annotated[tuple[Number, ...], Field(max_length=50)]
Kind = Literal["song", "artist", "genre"]


class FeedbackIn(Input):
    """More or less of something, or never; until a moment, or for good."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "artist", "id": 111, "wish": "never", "until": "2199-01-01T00:00:00Z"}]
        }
    )

    kind: Kind
    id: Number | None = Field(None, description="Of the song or the artist.")
    genre: Word | None = Field(None, description="Of kind `genre`.")
    wish: Literal["more", "less", "never"]
    until: AwareDatetime | None = Field(None, description="When it ends; without it, never.")

    @model_validator(mode="after")
    def _is_about_one_thing(self) -> "FeedbackIn":
        if (self.genre is not None) != (self.kind == "genre") or (self.id is None) != (self.kind == "genre"):
            raise ValueError("a song or an artist is named by `id`, a genre by `genre`")
        return self


class FeedbackOut(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a listener wants; kind `taste` is everything that was heard before `given_at`."""

    kind: Literal["song", "artist", "genre", "taste"]
    id: int | None = None
    genre: str | None = None
    name: str  # "" where the published version does not know it
    wish: Literal["more", "less", "never", "forget"]
    until: datetime | None = None
    given_at: datetime


class FeedbackList(msgspec.Struct, frozen=True):
    """All that holds, the newest first."""

    items: tuple[FeedbackOut, ...]


class GenreShare(msgspec.Struct, frozen=True, gc=False):
    """A genre, and its part of the taste, 0 to 1."""

    genre: str
    share: float


class ArtistShare(msgspec.Struct, frozen=True, gc=False):
    """An artist, and their part of the taste, 0 to 1."""

    artist_id: int
    artist: str
    share: float


class Influence(msgspec.Struct, frozen=True, gc=False):
    """A song that counts for the taste: how much of it, 0 to 1, and whether it was heard since the model was made."""

    song_id: int
    title: str
    artist_id: int
    artist: str
    share: float
    is_recent: bool


class Taste(msgspec.Struct, frozen=True, kw_only=True):
    """What is thought of a listener, from what they heard, loved and told."""

    user_id: int
    policy: str
    model: str | None
    version: str | None
    stale: tuple[str, ...]
    since: datetime | None = None  # what was heard earlier does not count: they wanted it forgotten
    songs_heard: int
    genres: tuple[GenreShare, ...]
    artists: tuple[ArtistShare, ...]
    songs: tuple[Influence, ...]  # those with the most influence
    forgotten: tuple[int, ...]  # ids of songs that were taken out of it


class PreviewIn(Input):
    """Songs that would be loved, hidden, forgotten or played."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"loves": [98765], "limit": 10}]})

    loves: Songs = ()
    hides: Songs = ()
    forgets: Songs = ()
    plays: Songs = ()
    limit: int = Field(20, ge=1, le=50)


class Moved(msgspec.Struct, frozen=True, gc=False):
    """A song that would stand elsewhere."""

    song_id: int
    before: int
    after: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The feed as it is and as it would be."""

    policy_before: str
    policy_after: str
    before: tuple[Item, ...]
    after: tuple[Item, ...]
    came: tuple[int, ...]
    left: tuple[int, ...]
    moved: tuple[Moved, ...]


_encoder = msgspec.json.Encoder()


def encoded(answer: FeedbackOut | FeedbackList | Taste | Preview) -> bytes:
    """An answer as JSON."""
    return _encoder.encode(answer)


FEEDBACK: dict[str, Any] = {
    "kind": "artist",
    "id": 111,
    "genre": None,
    "name": "Queen",
    "wish": "never",
    "until": None,
    "given_at": "2026-03-01T12:00:00Z",
}
TASTE: dict[str, Any] = {
    "user_id": 12345,
    "policy": "als-fold-in",
    "model": "als/1",
    "version": "9325a6bd1f7e9784",
    "stale": [],
    "since": None,
    "songs_heard": 318,
    "genres": [{"genre": "rock", "share": 0.61}],
    "artists": [{"artist_id": 111, "artist": "Queen", "share": 0.12}],
    "songs": [
        {
            "song_id": 98765,
            "title": "Bohemian Rhapsody",
            "artist_id": 111,
            "artist": "Queen",
            "share": 0.02,
            "is_recent": True,
        }
    ],
    "forgotten": [98767],
}
PREVIEW: dict[str, Any] = {
    "policy_before": "als",
    "policy_after": "als-fold-in",
    "before": SLATE["items"],
    "after": SLATE["items"],
    "came": [],
    "left": [],
    "moved": [],
}
