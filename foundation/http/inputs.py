"""What requests may hold: bodies that name every field, and texts that every store takes."""

import re
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from foundation.ids import BIGGEST_ID

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class Input(BaseModel):
    """A body: a field that it does not name is refused, so that nothing is written that no schema promises."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Change(Input):
    """A body of which any part may be left out; what is left out stays as it is."""

    def told(self) -> dict[str, Any]:
        """The fields that were sent, also those that were sent as null."""
        return self.model_dump(exclude_unset=True)


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("this is one line of text, without control characters")
    return storable(text)


def storable(text: str) -> str:
    """The text. Raises ValueError for what Postgres does not take: the zero character and halves of surrogates."""
    if _UNSTORABLE.search(text):
        raise ValueError("this holds a character that cannot be kept")
    return text


Id = Annotated[int, Path(ge=1, le=BIGGEST_ID)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_one_line),
]
"""Of a song, artist, album, playlist or person."""
Word = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), AfterValidator(_one_line)
]
"""Of a query or a short field."""
Prose = Annotated[str, StringConstraints(max_length=5_000), AfterValidator(storable)]
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""
Language = Annotated[str, StringConstraints(pattern="^[a-z]{2}$")]
"""ISO 639-1."""
