"""Reads and writes the genres."""

from collections.abc import Sequence

from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from catalog_api.genres.tables import SONGS, Genre
from foundation.engines.postgres import Reading, Writing


async def all_of_them(db: Reading) -> Sequence[Genre]:
    """Every genre, by name."""
    return (await db.scalars(select(Genre).order_by(Genre.name))).all()


async def kept_name(db: Writing, name: str) -> str | None:
    """The genre as it is written here, however it is told; it stays until the transaction ends. None where there is none."""
    told = or_(Genre.name == name, Genre.name == func.lower(name))
    found = select(Genre.name).where(told).order_by((Genre.name == name).desc()).limit(1)
    return await db.scalar(found.with_for_update(key_share=True, read=True))


async def add(db: Writing, name: str, parent: str | None) -> bool:
    """Whether it was not there before."""
    added = insert(Genre).values(name=name, parent=parent).on_conflict_do_nothing().returning(Genre.name)
    return (await db.scalar(added)) is not None


async def locked(db: Writing, name: str) -> bool:
    """Whether there is such a genre; if so nobody begins to name it until the transaction ends."""
    return await db.scalar(select(Genre.name).where(Genre.name == name).with_for_update()) is not None


async def is_in_use(db: Writing, name: str) -> bool:
    """Whether a song or another genre names it."""
    songs = exists().where(SONGS.c.genre == name)
    kinds = exists().where(Genre.parent == name)
    return bool(await db.scalar(select(or_(songs, kinds))))


async def remove(db: Writing, name: str) -> None:
    """Take it out."""
    await db.execute(delete(Genre).where(Genre.name == name))
