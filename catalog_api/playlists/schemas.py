"""A playlist as the API takes and tells it."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from pydantic.config import JsonDict

from catalog_api.playlists.errors import MOST_SONGS
from foundation.http.inputs import Change, Input, Name, Prose
from foundation.ids import BIGGEST_ID

SongNumber: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=BIGGEST_ID)]
Role: TypeAlias = Literal["owner", "editor", "viewer"]

OWNER: JsonDict = {"user_id": 12, "display_name": "Ann"}
SONG: JsonDict = {
    "position": 0,
    "song_id": 98765,
    "title": "Bohemian Rhapsody",
    "artist": {"artist_id": 111, "name": "Queen"},
    "album": {"album_id": 222, "title": "A Night at the Opera"},
    "duration": 354,
    "is_explicit": False,
    "added_by": 12,
    "added_at": "2026-03-01T12:00:00Z",
}
PLAYLIST: JsonDict = {
    "is_public": False,
    "readers": [12, 31],
    "playlist_id": 7,
    "name": "Long drive",
    "description": "For two drivers.",
    "owner": OWNER,
    "is_collaborative": True,
    "version": 4,
    "song_count": 1,
    "duration": 354,
    "songs": [SONG],
    "created_at": "2026-03-01T11:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
}
SUMMARY: JsonDict = {
    "playlist_id": 7,
    "name": "Long drive",
    "description": "For two drivers.",
    "owner": OWNER,
    "is_public": False,
    "role": "editor",
    "version": 4,
    "song_count": 1,
    "updated_at": "2026-03-01T12:00:00Z",
}


class OwnerOut(BaseModel):
    """Whose playlist it is."""

    user_id: int
    display_name: str


class SongArtistOut(BaseModel):
    """Whose song it is."""

    artist_id: int
    name: str


class SongAlbumOut(BaseModel):
    """The release it is on."""

    album_id: int
    title: str


class PlaylistSongOut(BaseModel):
    """A song where it stands on a playlist."""

    model_config = ConfigDict(json_schema_extra={"examples": [SONG]})

    position: int = Field(description="Counted from 0.")
    song_id: int
    title: str
    artist: SongArtistOut
    album: SongAlbumOut | None = None
    duration: int | None = Field(default=None, description="Whole seconds, rounded; null: not known.")
    is_explicit: bool
    added_by: int | None = Field(default=None, description="Null where that account is gone.")
    added_at: datetime


class PlaylistOut(BaseModel):
    """A playlist with its first hundred songs.

    The first two fields stay first: who may read the answer is decided by its first bytes.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [PLAYLIST]})

    is_public: bool
    readers: list[int] | None = Field(
        description="Who may read it while it is private: its owner and members. Null: everyone."
    )
    playlist_id: int
    name: str
    description: str
    owner: OwnerOut
    is_collaborative: bool = Field(description="Whether anyone beside the owner may change its songs.")
    version: int = Field(description="Send it as If-Match with a change that must meet just this version.")
    song_count: int
    duration: int = Field(description="Whole seconds of all its songs whose length is known.")
    songs: list[PlaylistSongOut] = Field(description="The first hundred; `/songs` beneath tells the others.")
    created_at: datetime
    updated_at: datetime


class SummaryOut(BaseModel):
    """A playlist without its songs."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARY]})

    playlist_id: int
    name: str
    description: str
    owner: OwnerOut
    is_public: bool
    role: Role | None = Field(
        default=None, description="Of the one who asks, in the list of what is theirs; null in other lists."
    )
    version: int
    song_count: int
    updated_at: datetime


class PlaylistNew(Input):
    """A playlist to make."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Long drive", "description": "", "is_public": False, "song_ids": [98765]}]
        }
    )

    name: Name
    description: Prose = ""
    is_public: StrictBool = False
    song_ids: list[SongNumber] = Field(
        default=[], max_length=MOST_SONGS, description="A song named twice stands where it was named first."
    )


class PlaylistPut(Input):
    """What is said about a playlist, whole: what is left out becomes what it is in a new one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Long drive", "description": "", "is_public": True}]}
    )

    name: Name
    description: Prose = ""
    is_public: StrictBool = False


class PlaylistChange(Change):
    """What is said about a playlist, in parts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_public": True}]})

    name: Name = ""
    description: Prose = ""
    is_public: StrictBool = False


class CopyNew(Input):
    """How the copy is called."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Longer drive"}]})

    name: Name | None = Field(default=None, description="Null: as the playlist that is copied.")
