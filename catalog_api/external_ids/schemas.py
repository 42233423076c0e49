"""External ids as the API takes and tells them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from foundation.http.app import PREFIX
from foundation.http.inputs import Change, storable

Kind = Literal["song", "artist", "album"]
Isrc = Annotated[
    str,
    StringConstraints(pattern="^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$"),
    Field(description="International Standard Recording Code (ISO 3901), without hyphens."),
]
Upc = Annotated[
    str,
    StringConstraints(pattern="^[0-9]{12,14}$"),
    Field(description="The bar code of the release: UPC, EAN or GTIN, digits alone."),
]
ForeignId = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(storable)]
Source = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(storable)]


class _Ids(Change):
    """Ids by their sources; what is not named stays, and null takes an id away."""

    musicbrainz: UUID | None = Field(default=None, description="MusicBrainz identifier (MBID).")

    def by_source(self) -> dict[str, str | None]:
        """What was sent, as texts."""
        return {source: None if value is None else str(value) for source, value in self.told().items()}


class SongIds(_Ids):
    """Ids that a song may be given."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"isrc": "GBUM71029604"}]})

    isrc: Isrc | None = None


class ArtistIds(_Ids):
    """Ids that an artist may be given."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"musicbrainz": "0383dadf-2a4e-4d10-a46a-e9e041da8eb3"}]}
    )


class AlbumIds(_Ids):
    """Ids that an album may be given."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"upc": "0050087246235"}]})

    upc: Upc | None = None


class KnownAs(BaseModel):
    """What another source's id stands for here."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "song",
                    "id": 98765,
                    "source": "isrc",
                    "external_id": "GBUM71029604",
                    "url": "/api/v1/songs/98765",
                }
            ]
        }
    )

    kind: Kind
    id: int
    source: str
    external_id: str
    url: str = Field(description="Where it is.")

    @classmethod
    def of(cls, kind: Kind, number: int, **named: Any) -> "KnownAs":
        """With its address."""
        return cls(kind=kind, id=number, url=f"{PREFIX}/{kind}s/{number}", **named)
