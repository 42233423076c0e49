"""Holds on to what a change concerns, so that it is still there when the change is committed."""

from typing import Literal, TypeAlias

from sqlalchemy import select

from catalog_api.artists.tables import Artist
from catalog_api.listeners.tables import User
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Writing

Kind: TypeAlias = Literal["listener", "artist", "song"]

_TABLES: dict[Kind, type[User | Artist | Song]] = {"listener": User, "artist": Artist, "song": Song}


async def held(db: Writing, kind: Kind, number: int) -> bool:
    """Whether it exists; if so, nobody removes it until this transaction ends. It may be changed meanwhile."""
    table = _TABLES[kind]
    found = select(table.id).where(table.id == number).with_for_update(read=True, key_share=True)
    return await db.scalar(found) is not None
