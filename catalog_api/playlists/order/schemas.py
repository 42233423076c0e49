"""What is done to the songs of a playlist, and what became of it."""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from catalog_api.playlists.errors import MOST_SONGS
from catalog_api.playlists.schemas import SongNumber
from foundation.http.inputs import Input

Position: TypeAlias = Annotated[int, Field(strict=True, ge=0, le=MOST_SONGS)]
WHERE = "Counted from 0; what is beyond the last song is the end."


class SongNew(Input):
    """One song to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"song_id": 98765, "position": 0}]})

    song_id: SongNumber
    position: Position | None = Field(default=None, description=f"{WHERE} Null: the end.")


class SongsNew(Input):
    """Songs to add, one behind the other."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"song_ids": [98765, 98766]}]})

    song_ids: list[SongNumber] = Field(min_length=1, max_length=MOST_SONGS)
    position: Position | None = Field(default=None, description=f"{WHERE} Null: the end.")


class MoveTo(Input):
    """A move to a position."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to": 0}]})

    to: Position = Field(description=f"Where the song stands afterwards. {WHERE}")


class MoveBefore(Input):
    """A move before another song: it means the same whatever others do meanwhile."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"before": 98766}]})

    before: SongNumber


class MoveAfter(Input):
    """A move behind another song."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"after": 98766}]})

    after: SongNumber


Move: TypeAlias = MoveTo | MoveBefore | MoveAfter


class EditOut(BaseModel):
    """The playlist after an edit."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"playlist_id": 7, "version": 5, "song_count": 12, "added": 1}]}
    )

    playlist_id: int
    version: int
    song_count: int
    added: int = Field(default=0, description="How many songs came on it by this edit.")
