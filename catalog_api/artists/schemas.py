"""An artist as the API takes and tells them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from catalog_api.external_ids.schemas import ArtistIds
from catalog_api.songs.schemas import Number
from foundation.http.inputs import Change, Country, Input, Name, Prose

ENTRY: dict[str, Any] = {"artist_id": 111, "name": "Queen", "country": "GB"}


class ArtistEntry(BaseModel):
    """An artist in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [ENTRY]})

    artist_id: int
    name: str
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2; null: not known.")


class ArtistProfile(ArtistEntry):
    """What the catalog knows about an artist, a band or an orchestra."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                ENTRY
                | {
                    "biography": "Formed in London in 1970.",
                    "song_count": 189,
                    "album_count": 15,
                    "external_ids": {"musicbrainz": "0383dadf-2a4e-4d10-a46a-e9e041da8eb3"},
                }
            ]
        }
    )

    biography: str
    song_count: int
    album_count: int
    external_ids: dict[str, str] = Field(
        default_factory=dict, description="What other sources call them, by source: musicbrainz …"
    )


class ArtistIn(Input):
    """A new artist."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Queen", "country": "GB", "biography": "Formed in London in 1970."}]
        }
    )

    name: Name
    country: Country | None = None
    biography: Prose = ""
    external_ids: ArtistIds = ArtistIds()


class ArtistChange(Change):
    """What shall be different about an artist."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"biography": "Formed in London in 1970."}]})

    name: Name = Field(default_factory=str)
    country: Country | None = None
    biography: Prose = ""
    external_ids: ArtistIds = ArtistIds()


class OwnerIn(Input):
    """Whose an artist shall be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": 12345}]})

    user_id: Number | None = Field(description="Null: nobody's, as an import makes them.")
