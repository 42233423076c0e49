"""The listening history as listeners are told it."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

_WRITTEN_OUT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")
_EXAMPLE: dict[str, Any] = {
    "song_id": 98765,
    "title": "Bohemian Rhapsody",
    "artist": {"artist_id": 111, "name": "Queen"},
    "played_at": "2026-03-01T11:59:15Z",
    "played_ms": 45_000,
    "source": "recommended",
    "play_id": "019a9f3c-5d20-7c5e-9b7e-2f6d1c0a4e11",
}


def _written_out(told: Any) -> Any:
    """A moment as RFC 3339 writes it: pydantic would take a bare number as seconds since 1970, too."""
    if isinstance(told, str) and not _WRITTEN_OUT.match(told):
        raise ValueError("a moment is written as 2026-03-01T12:00:00Z")
    return told


def _storable(moment: datetime) -> datetime:
    """The moment in UTC, where Postgres and Python agree on the years."""
    try:
        told = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("this moment is out of all time") from error
    if not 1 < told.year < 9999:
        raise ValueError("this moment is out of all time")
    return told


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_storable)]


class HeardArtist(BaseModel):
    """Whose song it is."""

    artist_id: int
    name: str


class HeardOut(BaseModel):
    """A play that counted, with the song as the catalog names it now."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    song_id: int
    title: str | None = Field(description="null where the song is in the catalog no more.")
    artist: HeardArtist | None = Field(description="null where the song is in the catalog no more.")
    played_at: datetime = Field(description="When the play began.")
    played_ms: int
    source: Literal["organic", "recommended", "imported"]
    play_id: UUID
