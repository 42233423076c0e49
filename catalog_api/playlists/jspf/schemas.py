"""A JSPF document, as we take it from anyone and as we give it.

Taken: whatever is not named here is passed over, as the format asks of its readers. https://www.xspf.org/jspf
"""

from datetime import datetime
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from catalog_api.playlists.errors import MOST_SONGS
from catalog_api.playlists.schemas import PLAYLIST, PlaylistOut
from foundation.http.inputs import storable

TRACK: JsonDict = {
    "identifier": ["urn:segue:song:98765", "urn:isrc:GBUM71029604"],
    "title": "Bohemian Rhapsody",
    "creator": "Queen",
    "album": "A Night at the Opera",
    "duration": 354320,
}
DOCUMENT = {"playlist": {"title": "Long drive", "creator": "Ann", "track": [TRACK]}}

Text: TypeAlias = Annotated[str, Field(max_length=10_000), AfterValidator(storable)]
Addresses: TypeAlias = Text | Annotated[list[Text], Field(max_length=100)] | None


class TrackIn(BaseModel):
    """A song as someone else names it."""

    title: Text | None = None
    creator: Text | None = None
    identifier: Addresses = None
    location: Addresses = None

    def addresses(self) -> list[str]:
        """Everything that may identify the song, in the document's order."""
        told = (self.identifier, self.location)
        return [address for each in told for address in ([each] if isinstance(each, str) else each or [])]


class ListIn(BaseModel):
    """The playlist of a document."""

    title: Text | None = None
    annotation: Text | None = None
    track: list[TrackIn] = Field(default=[], max_length=MOST_SONGS)


class DocumentIn(BaseModel):
    """A document to import."""

    playlist: ListIn


class TrackOut(BaseModel):
    """A song with every name that we know for it."""

    identifier: list[str] = Field(description="URIs: ours, the ISRC, and the MusicBrainz recording.")
    title: str
    creator: str
    album: str | None = None
    duration: int | None = Field(default=None, description="Milliseconds.")
    trackNum: int | None = Field(default=None, description="On its album.")  # noqa: N815 - as the format spells it


class ListOut(BaseModel):
    """The playlist of a document."""

    title: str
    creator: str
    annotation: str
    identifier: str
    date: datetime
    track: list[TrackOut]


class DocumentOut(BaseModel):
    """A playlist as a JSPF document."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "playlist": {
                        "title": "Long drive",
                        "creator": "Ann",
                        "annotation": "For two drivers.",
                        "identifier": "urn:segue:playlist:7",
                        "date": "2026-03-01T12:00:00Z",
                        "track": [TRACK | {"trackNum": 11}],
                    }
                }
            ]
        }
    )

    playlist: ListOut


class UnmatchedOut(BaseModel):
    """A track of a document for which the catalog has no song."""

    title: str | None
    creator: str | None


class ImportedOut(BaseModel):
    """What became of a document."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "playlist": PLAYLIST,
                    "matched": 1,
                    "unmatched": [{"title": "Bohemian Rhapsodie", "creator": "Quen"}],
                }
            ]
        }
    )

    playlist: PlaylistOut
    matched: int = Field(description="Tracks for which a song was found; a song found twice is taken once.")
    unmatched: list[UnmatchedOut]


_TEXT = {"type": "string", "maxLength": 10_000}
_ADDRESSES = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "maxItems": 100}, {"type": "null"}]}
_MAYBE = {"anyOf": [_TEXT, {"type": "null"}]}
_TRACK: dict[str, Any] = {
    "type": "object",
    "properties": {"title": _MAYBE, "creator": _MAYBE, "identifier": _ADDRESSES, "location": _ADDRESSES},
}
_TRACKS: dict[str, Any] = {"type": "array", "items": _TRACK, "maxItems": MOST_SONGS}
DOCUMENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["playlist"],
    "properties": {
        "playlist": {
            "type": "object",
            "properties": {"title": _MAYBE, "annotation": _MAYBE, "track": _TRACKS},
        }
    },
}
"""DocumentIn for the OpenAPI document: its body is read by us, and so FastAPI does not enter it."""
