"""Whom a block parts: neither sees what the other does, nor may ask the other to join in."""

from typing import TypeAlias

from sqlalchemy import BigInteger, ColumnElement, column, exists, or_, table
from sqlalchemy.orm import InstrumentedAttribute

from foundation.ids import UserId

# Of the social domain, which may know of playlists: only these two columns are known here.
BLOCKS = table("blocks", column("blocker_id", BigInteger), column("blocked_id", BigInteger))
Person: TypeAlias = UserId | InstrumentedAttribute[int]


def are_parted(one: Person, other: Person) -> ColumnElement[bool]:
    """Whether either of the two blocks the other."""
    either = or_(
        (BLOCKS.c.blocker_id == one) & (BLOCKS.c.blocked_id == other),
        (BLOCKS.c.blocker_id == other) & (BLOCKS.c.blocked_id == one),
    )
    return exists().where(either)
