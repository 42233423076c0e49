"""An album as the API takes and tells it."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from catalog_api.external_ids.schemas import AlbumIds
from catalog_api.songs.schemas import EXAMPLE as SONG
from catalog_api.songs.schemas import ArtistOut, Number, Released, SongOut
from foundation.http.inputs import Change, Input, Name

ENTRY: dict[str, Any] = {
    "album_id": 222,
    "title": "A Night at the Opera",
    "artist": {"artist_id": 111, "name": "Queen"},
    "released_on": "1975-11-21",
    "cover_art_url": "/api/v1/covers/3f9c2a7d5b1e4c60/640.jpg",
}


class AlbumEntry(BaseModel):
    """An album in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [ENTRY]})

    album_id: int
    title: str
    artist: ArtistOut
    released_on: date | None = None
    cover_art_url: str | None = Field(
        default=None, description="Square, 640 pixels wide; /300.jpg and /64.jpg are smaller. Null: none."
    )


class AlbumWithSongs(AlbumEntry):
    """An album with its songs in their order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [ENTRY | {"song_count": 1, "duration": 354, "external_ids": {}, "songs": [SONG]}]
        }
    )

    song_count: int
    duration: int = Field(description="Seconds of all songs whose length is known.")
    external_ids: dict[str, str] = Field(
        default_factory=dict, description="What other sources call it, by source: musicbrainz, upc …"
    )
    songs: list[SongOut] = Field(description="The first 500, by track number.")


class AlbumIn(Input):
    """A new album of an artist whom the one who asks owns."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"artist_id": 111, "title": "A Night at the Opera", "released_on": "1975-11-21"}]
        }
    )

    artist_id: Number
    title: Name
    released_on: Released | None = None
    external_ids: AlbumIds = AlbumIds()


class AlbumChange(Change):
    """What shall be different about an album."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "A Day at the Races"}]})

    title: Name = Field(default_factory=str)
    released_on: Released | None = None
    external_ids: AlbumIds = AlbumIds()
