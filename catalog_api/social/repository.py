"""Holds on to what a change concerns, so that it is still there when the change is committed."""

from functools import cache
from typing import Final, Literal, TypeAlias

from sqlalchemy import Select, Table, bindparam, select

from catalog_api.artists.tables import Artist
from catalog_api.listeners.tables import User
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Writing
from foundation.engines.statements import table_of

Kind: TypeAlias = Literal["listener", "artist", "song"]

_TABLES: Final[dict[Kind, Table]] = {
    "listener": table_of(User),
    "artist": table_of(Artist),
    "song": table_of(Song),
}


async def held(db: Writing, kind: Kind, number: int) -> bool:
    """Whether it exists; if so, nobody removes it until this transaction ends. It may be changed meanwhile."""
    return await db.scalar(_held(kind), {"number": number}) is not None


@cache
def _held(kind: Kind) -> Select[int]:
    table = _TABLES[kind]
    found = select(table.c.id).where(table.c.id == bindparam("number"))
    return found.with_for_update(read=True, key_share=True)
