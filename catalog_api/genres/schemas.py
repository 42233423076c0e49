"""Genres as the API takes and tells them."""

from pydantic import BaseModel, ConfigDict, Field

from foundation.http.inputs import Input, Word


class GenreIn(Input):
    """A new genre."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "synthwave", "parent": "electronic"}]})

    name: Word = Field(description="Kept in lower case.")
    parent: Word | None = Field(default=None, description="The genre that it is a kind of.")


class GenreOut(BaseModel):
    """A word that songs are sorted by."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "synthwave", "parent": "electronic"}]})

    name: str
    parent: str | None = Field(default=None, description="The genre that it is a kind of; null: none.")


class GenresOut(BaseModel):
    """All of them, by name."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"results": [{"name": "rock", "parent": None}], "total": 1}]}
    )

    results: list[GenreOut]
    total: int
