"""A shared song as it is sent, and as both ends see it."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from catalog_api.social.schemas import ListenerCard, SongCard, example
from foundation.http.inputs import Input, storable
from foundation.ids import BIGGEST_ID

_SHARED = {
    "share_id": 815,
    "from_user": {"user_id": 12345, "display_name": "Ann"},
    "to_user": {"user_id": 12346, "display_name": "Bob"},
    "song": {
        "song_id": 98765,
        "title": "Bohemian Rhapsody",
        "artist": {"artist_id": 111, "name": "Queen"},
    },
    "message": "Listen to the middle part!",
    "shared_at": "2026-03-01T12:00:00Z",
}

Number = Annotated[int, Field(strict=True, ge=1, le=BIGGEST_ID)]


class ShareIn(Input):
    """A song for somebody who follows you."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"to_user_id": 12346, "song_id": 98765, "message": "Listen to the middle part!"}]
        }
    )

    to_user_id: Number
    song_id: Number
    message: Annotated[str, StringConstraints(max_length=500), AfterValidator(storable)] = ""


class ShareOut(BaseModel):
    """A song that somebody sent to a follower."""

    model_config = example(**_SHARED)

    share_id: int
    from_user: ListenerCard
    to_user: ListenerCard
    song: SongCard
    message: str
    shared_at: datetime


class InboxOut(ShareOut):
    """A song that somebody sent to you."""

    model_config = example(**_SHARED, seen_at=None)

    seen_at: datetime | None = None
