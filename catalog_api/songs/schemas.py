"""A song as the API takes and tells it."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from catalog_api.external_ids.schemas import SongIds
from foundation.http.app import PREFIX
from foundation.http.inputs import Change, Country, Input, Name, Word
from foundation.ids import BIGGEST_ID

COVER_SIZE = 640  # pixels of the cover that answers name; /300.jpg and /64.jpg lie beside it
EXAMPLE: dict[str, Any] = {
    "song_id": 98765,
    "title": "Bohemian Rhapsody",
    "artist": {"artist_id": 111, "name": "Queen"},
    "album": {
        "album_id": 222,
        "title": "A Night at the Opera",
        "cover_art_url": "/api/v1/covers/3f9c2a7d5b1e4c60/640.jpg",
    },
    "duration": 354,
    "genre": "rock",
    "play_count": 5_000_000_000,
    "released_on": "1975-10-31",
    "is_explicit": False,
    "regions": None,
    "track_number": 11,
    "external_ids": {"isrc": "GBUM71029604"},
}


def cover_art_url(key: str | None) -> str | None:
    """Where a cover of this key is; null where there is none."""
    return None if key is None else f"{PREFIX}/covers/{key}/{COVER_SIZE}.jpg"


class ArtistOut(BaseModel):
    """Whose song it is."""

    artist_id: int
    name: str


class AlbumOut(BaseModel):
    """The release it is on."""

    album_id: int
    title: str
    cover_art_url: str | None = Field(
        default=None, description="Square, 640 pixels wide; /300.jpg and /64.jpg are smaller. Null: none."
    )


class SongOut(BaseModel):
    """What the catalog knows about a song; null where it does not know."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    song_id: int
    title: str
    artist: ArtistOut
    album: AlbumOut | None = None
    duration: int | None = Field(default=None, description="Whole seconds, rounded.")
    genre: str | None = None
    play_count: int = Field(
        default=0,
        description="How often it was listened to. Of one song it may lag by an hour; lists tell it as it is.",
    )
    released_on: date | None = None
    is_explicit: StrictBool = False
    regions: list[str] | None = Field(
        default=None, description="Where it may be played, ISO 3166-1 alpha-2; null: everywhere."
    )
    track_number: int | None = None
    external_ids: dict[str, str] = Field(
        default_factory=dict, description="What other sources call it, by source: isrc, musicbrainz …"
    )


_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _a_day(told: Any) -> Any:
    """A date as text: pydantic would also take a number, as seconds since 1970. Raises ValueError."""
    if not isinstance(told, str) or not _DAY.fullmatch(told):
        raise ValueError("a date is written as 1975-10-31")
    return told


def _once(regions: list[str]) -> list[str]:
    """Regions in one order, each once, so that the same set is told the same way."""
    return sorted(set(regions))


Regions = Annotated[list[Country], Field(max_length=300), AfterValidator(_once)]
Released = Annotated[date, BeforeValidator(_a_day), Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]
Seconds = Annotated[int, Field(strict=True, ge=1, le=3600)]
Track = Annotated[int, Field(strict=True, ge=1, le=9999)]
Reference = Annotated[int, Field(ge=1, le=BIGGEST_ID)]
"""An id in a query, which is text."""
Number = Annotated[int, Field(strict=True, ge=1, le=BIGGEST_ID)]
"""An id in a body: neither text nor true, which pydantic would take as 1."""


class SongIn(Input):
    """A new song of an artist whom the one who asks owns."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "artist_id": 111,
                    "title": "Bohemian Rhapsody",
                    "album_id": 222,
                    "genre": "rock",
                    "duration": 354,
                }
            ]
        }
    )

    artist_id: Number
    title: Name
    album_id: Number | None = Field(default=None, description="An album of the same artist.")
    genre: Word | None = Field(default=None, description="One of GET /genres.")
    duration: Seconds | None = Field(default=None, description="Seconds.")
    released_on: Released | None = None
    is_explicit: StrictBool = False
    regions: Regions | None = Field(
        default=None, description="Where it may be played, ISO 3166-1 alpha-2; null: everywhere; []: nowhere."
    )
    track_number: Track | None = None
    external_ids: SongIds = SongIds()


class SongChange(Change):
    """What shall be different about a song."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Innuendo", "is_explicit": True}]})

    title: Name = Field(default_factory=str)
    album_id: Number | None = Field(default=None, description="An album of the same artist; null: of none.")
    genre: Word | None = Field(default=None, description="One of GET /genres.")
    duration: Seconds | None = Field(default=None, description="Seconds.")
    released_on: Released | None = None
    is_explicit: StrictBool = False
    regions: Regions | None = Field(
        default=None, description="Where it may be played, ISO 3166-1 alpha-2; null: everywhere; []: nowhere."
    )
    track_number: Track | None = None
    external_ids: SongIds = SongIds()
