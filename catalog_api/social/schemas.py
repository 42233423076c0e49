"""People, artists and songs as lists of them are told, each with the moment since when it is so."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

_SINCE = "2026-03-01T12:00:00Z"


def example(**fields: Any) -> ConfigDict:
    """The configuration of a model whose page shows this example."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class ListenerCard(BaseModel):
    """A listener by name."""

    model_config = example(user_id=12345, display_name="Ann")

    user_id: int
    display_name: str


class ArtistCard(BaseModel):
    """An artist by name."""

    model_config = example(artist_id=111, name="Queen")

    artist_id: int
    name: str


class SongCard(BaseModel):
    """A song by its title, with whose it is."""

    model_config = example(
        song_id=98765, title="Bohemian Rhapsody", artist={"artist_id": 111, "name": "Queen"}
    )

    song_id: int
    title: str
    artist: ArtistCard


class ListenerSince(ListenerCard):
    """A listener of a list, and since when they are on it."""

    model_config = example(user_id=12345, display_name="Ann", since=_SINCE)

    since: datetime


class ArtistSince(ArtistCard):
    """An artist of a list, and since when they are on it."""

    model_config = example(artist_id=111, name="Queen", since=_SINCE)

    since: datetime


class SongSince(SongCard):
    """A song of a list, and since when it is on it."""

    model_config = example(
        song_id=98765,
        title="Bohemian Rhapsody",
        artist={"artist_id": 111, "name": "Queen"},
        since=_SINCE,
    )

    since: datetime
