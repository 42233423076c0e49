"""An activity as the API tells it."""

from datetime import datetime

from pydantic import BaseModel, Field

from catalog_api.social.schemas import ArtistCard, ListenerCard, example

_LOVED = {
    "activity_id": 4711,
    "user": {"user_id": 12345, "display_name": "Ann"},
    "verb": "loved",
    "target": {
        "kind": "song",
        "id": 98765,
        "name": "Bohemian Rhapsody",
        "artist": {"artist_id": 111, "name": "Queen"},
    },
    "happened_at": "2026-03-01T12:00:00Z",
}


class TargetOut(BaseModel):
    """What the activity concerns."""

    kind: str = Field(description="listener, artist, song or playlist")
    id: int
    name: str
    artist: ArtistCard | None = Field(default=None, description="Of a song: whose it is.")


class ActivityOut(BaseModel):
    """Somebody did something."""

    model_config = example(**_LOVED)

    activity_id: int
    user: ListenerCard
    verb: str = Field(description="followed, loved or made")
    target: TargetOut
    happened_at: datetime


class FeedOut(BaseModel):
    """The newest activities of those whom one follows, newest first."""

    model_config = example(results=[_LOVED])

    results: list[ActivityOut]
