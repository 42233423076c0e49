"""Lists in parts: by offset for what stands still, by cursor for what grows at its head."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel, Field

from foundation.http.problems import InvalidRequest

MOST = 100  # things of one page
FURTHEST = 10_000  # offset; further on it is cheaper to ask by another order or a filter

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """Some of all: `total` counts all of them, and is null where counting would cost more than it tells."""

    results: list[Item]
    total: int | None = None
    limit: int
    offset: int


class Stretch(BaseModel, Generic[Item]):
    """Some of a list that goes on at `next_cursor`; null at its end."""

    results: list[Item]
    next_cursor: str | None = Field(
        default=None, description="Send it as `cursor` to go on; null at the end."
    )


class Offset(BaseModel):
    """Which part of a list is asked for."""

    limit: int
    offset: int


async def _offset(
    limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
    offset: Annotated[int, Query(ge=0, le=FURTHEST)] = 0,
) -> Offset:
    return Offset(limit=limit, offset=offset)


class Cursor(BaseModel):
    """How many, and behind what: `after` holds the values of the last thing seen, empty at the beginning."""

    limit: int
    after: tuple[int | str, ...] = ()


async def _cursor(
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of the part before.")
    ] = None,
) -> Cursor:
    return Cursor(limit=limit, after=opened(cursor) if cursor is not None else ())


def sealed(*values: int | str) -> str:
    """A cursor that holds these values; clients need not know which.

    >>> opened(sealed(3, "2026"))
    (3, '2026')
    """
    return base64.urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=").decode()


def opened(cursor: str) -> tuple[int | str, ...]:
    """The values of a cursor. Raises InvalidRequest for what is none of ours."""
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, UnicodeEncodeError) as error:
        raise not_ours() from error
    if not isinstance(values, list) or not all(type(value) in (int, str) for value in values):
        raise not_ours()
    return tuple(values)


def not_ours() -> InvalidRequest:
    """The refusal of a cursor that does not hold what the endpoint put into its own."""
    what = "this is no cursor of this list"
    return InvalidRequest(f"query.cursor: {what}", errors=[{"where": "query.cursor", "what": what}])


def stretch(found: Sequence[Item], limit: int, cursor: str) -> Stretch[Item]:
    """Of `limit` + 1 things that were asked for, the first `limit`, and where to go on; `cursor` is that of the last of them."""
    return Stretch(results=list(found[:limit]), next_cursor=cursor if len(found) > limit else None)


Offsets = Annotated[Offset, Depends(_offset)]
Cursors = Annotated[Cursor, Depends(_cursor)]
