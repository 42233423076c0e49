"""Lyrics as they are brought, kept in the cache and told."""

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from foundation.http.inputs import Input, storable

LANGUAGE = "^([a-z]{2}|und)$"
LanguageName: TypeAlias = Annotated[str, StringConstraints(pattern=LANGUAGE)]
"""ISO 639-1, or `und` where the language is not known."""
Text: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=100_000), AfterValidator(storable)
]

_LRC = "[00:00.50]Is this the real life?\n[00:03.20]\n[00:03.50]Is this just fantasy?\n[00:06.80]"
_LINES: list[Any] = [
    {"start_time": 0.5, "end_time": 3.2, "text": "Is this the real life?"},
    {"start_time": 3.5, "end_time": 6.8, "text": "Is this just fantasy?"},
]


class LineOut(BaseModel):
    """A line, and from when until when it is sung, in seconds; null where nobody has told."""

    start_time: float | None = None
    end_time: float | None = None
    text: str


class LyricsOut(BaseModel):
    """The words of a song in one language."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "song_id": 98765,
                    "language": "en",
                    "languages": ["en", "fr"],
                    "is_timed": True,
                    "lyrics": _LINES,
                }
            ]
        }
    )

    song_id: int
    language: str = Field(description="ISO 639-1, or und where the language is not known.")
    languages: list[str] = Field(description="All in which there are words of this song.")
    is_timed: bool = Field(description="Whether the lines tell when they are sung.")
    lyrics: list[LineOut]


class LyricsIn(Input):
    """The words of a song: as LRC, which says when each line is sung, or as plain text."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"lrc": _LRC}, {"text": "Is this the real life?"}]}
    )

    lrc: Text | None = None
    text: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> "LyricsIn":
        if (self.lrc is None) == (self.text is None):
            raise ValueError("send either lrc or text")
        return self
