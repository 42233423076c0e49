"""Members and invitations as the API takes and tells them."""

from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from catalog_api.playlists.schemas import OWNER, OwnerOut, SongNumber
from foundation.http.inputs import Input

MemberRole: TypeAlias = Literal["editor", "viewer"]
MEMBER: JsonDict = {
    "user_id": 31,
    "display_name": "Bob",
    "role": "editor",
    "invited_at": "2026-03-01T12:00:00Z",
    "accepted_at": None,
}
ROLE = "An editor changes the songs; a viewer reads."


class MemberNew(Input):
    """Whom to invite, and as what."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": 31, "role": "editor"}]})

    user_id: SongNumber
    role: MemberRole = Field(default="editor", description=ROLE)


class MemberChange(Input):
    """Another role."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "viewer"}]})

    role: MemberRole = Field(description=ROLE)


class MemberOut(BaseModel):
    """Someone who makes the playlist together with its owner, or is asked to."""

    model_config = ConfigDict(json_schema_extra={"examples": [MEMBER]})

    user_id: int
    display_name: str
    role: MemberRole
    invited_at: datetime
    accepted_at: datetime | None = Field(default=None, description="Null: invited, and not yet a member.")


class InvitationOut(BaseModel):
    """An invitation that one has not answered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "playlist_id": 7,
                    "name": "Long drive",
                    "owner": OWNER,
                    "role": "editor",
                    "invited_at": "2026-03-01T12:00:00Z",
                }
            ]
        }
    )

    playlist_id: int
    name: str
    owner: OwnerOut
    role: MemberRole
    invited_at: datetime
