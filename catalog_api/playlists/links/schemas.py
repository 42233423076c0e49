"""Share links, and what is read through them, as the API takes and tells them."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from catalog_api.playlists.schemas import OWNER, SONG, OwnerOut, PlaylistSongOut
from foundation.http.inputs import Input

TOKEN = "kq0Jw3bR0fVnq8r2m0vI9dY2r0x1lqz1V4cT5uPzE0A"  # noqa: S105 - an example
LINK: JsonDict = {
    "link_id": "0195506e-0a00-7c3c-8f6e-2f8f4a1de111",
    "created_at": "2026-03-01T12:00:00Z",
    "expires_at": "2026-03-31T12:00:00Z",
}


class LinkNew(Input):
    """How long the link holds."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"expires_in_days": 30}]})

    expires_in_days: int = Field(default=30, strict=True, ge=1, le=365)


class LinkOut(BaseModel):
    """A link that holds. Its token was told to who made it, and is not kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [LINK]})

    link_id: UUID
    created_at: datetime
    expires_at: datetime


class LinkMade(LinkOut):
    """A new link, with the token that is told this once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [LINK | {"token": TOKEN, "url": f"/api/v1/shared/{TOKEN}"}]}
    )

    token: str
    url: str = Field(description="The address beneath this server's own.")


class SharedOut(BaseModel):
    """A playlist as it is read through a link, with its first hundred songs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Long drive",
                    "description": "For two drivers.",
                    "owner": OWNER,
                    "version": 4,
                    "song_count": 1,
                    "duration": 354,
                    "songs": [SONG],
                    "expires_at": "2026-03-31T12:00:00Z",
                }
            ]
        }
    )

    name: str
    description: str
    owner: OwnerOut
    version: int
    song_count: int
    duration: int = Field(description="Whole seconds of all its songs whose length is known.")
    songs: list[PlaylistSongOut] = Field(description="The first hundred; `/songs` beneath tells the others.")
    expires_at: datetime = Field(description="Until then the link holds, unless it is revoked.")
