"""Reads and writes artists."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Text, bindparam, delete, func, insert, select, update

from catalog_api.albums.tables import Album
from catalog_api.artists.tables import Artist
from catalog_api.external_ids.repository import named
from catalog_api.listeners.tables import User
from catalog_api.songs.repository import Owned
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of, whole_number
from foundation.ids import ArtistId, UserId

_artists, _albums, _songs = table_of(Artist), table_of(Album), table_of(Song)


def _entry(*more: Any) -> Select[*tuple[Any, ...]]:
    return select(_artists.c.id, _artists.c.name, _artists.c.country, *more)


async def by_id(db: Reading, artist_id: ArtistId) -> Row[*tuple[Any, ...]] | None:
    """The artist with what is theirs counted; None where there is no such artist."""
    return (await db.execute(_one(), {"artist_id": artist_id})).one_or_none()


@cache
def _one() -> Select[*tuple[Any, ...]]:
    songs = select(func.count(_songs.c.id)).where(_songs.c.artist_id == _artists.c.id).scalar_subquery()
    albums = select(func.count(_albums.c.id)).where(_albums.c.artist_id == _artists.c.id).scalar_subquery()
    asked = _entry(
        _artists.c.biography,
        songs.label("song_count"),
        albums.label("album_count"),
        named("artist", _artists.c.id).label("external_ids"),
    )
    return asked.where(_artists.c.id == bindparam("artist_id"))


async def listed(db: Reading, name: str | None, limit: int, offset: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Some artists, of this name or of all, the oldest of the catalog first."""
    asked = {"limit": limit, "offset": offset} | ({} if name is None else {"called": name})
    return (await db.execute(_listed(is_of_a_name=name is not None), asked)).all()


@cache
def _listed(*, is_of_a_name: bool) -> Select[*tuple[Any, ...]]:
    part = _entry().order_by(_artists.c.id).limit(whole_number("limit")).offset(whole_number("offset"))
    return part.where(_is_named()) if is_of_a_name else part


async def count_named(db: Reading, name: str) -> int:
    """How many are called so."""
    return int(await db.scalar(select(func.count(_artists.c.id)).where(_is_named()), {"called": name}) or 0)


async def owned_by(db: Reading, user_id: UserId, limit: int, offset: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Some of the artists that belong to someone, the oldest of the catalog first."""
    theirs = _entry().where(_artists.c.owner_id == user_id).order_by(_artists.c.id)
    return (await db.execute(theirs.limit(limit).offset(offset))).all()


async def count_owned_by(db: Reading, user_id: UserId) -> int:
    """How many belong to them."""
    return int(await db.scalar(select(func.count(_artists.c.id)).where(_artists.c.owner_id == user_id)) or 0)


async def there_is(db: Reading, artist_id: ArtistId) -> bool:
    """Whether there is such an artist."""
    return await db.scalar(_there(), {"artist_id": artist_id}) is not None


@cache
def _there() -> Select[int]:
    return select(_artists.c.id).where(_artists.c.id == bindparam("artist_id"))


async def owner_of(db: Reading, artist_id: ArtistId) -> Owned | None:
    """Whose artist it is; None where there is no such artist."""
    row = (
        await db.execute(select(_artists.c.id, _artists.c.owner_id).where(_artists.c.id == artist_id))
    ).one_or_none()
    return None if row is None else Owned(*row)


async def user_kept(db: Writing, user_id: int) -> bool:
    """Whether there is such a person, who then stays until the transaction ends."""
    asked = select(User.id).where(User.id == user_id).with_for_update(key_share=True, read=True)
    return await db.scalar(asked) is not None


async def add(db: Writing, now: datetime, values: Mapping[str, Any]) -> ArtistId:
    """Write a new artist; returns the id."""
    added = insert(_artists).values(**values, created_at=now, updated_at=now).returning(_artists.c.id)
    return ArtistId((await db.execute(added)).scalar_one())


async def change(db: Writing, artist_id: ArtistId, now: datetime, values: Mapping[str, Any]) -> None:
    """Write what is different."""
    changed = update(_artists).where(_artists.c.id == artist_id).values(**values, updated_at=now)
    await db.execute(changed)


async def album_ids(db: Reading, artist_id: ArtistId) -> list[int]:
    """Their albums."""
    return list(await db.scalars(select(_albums.c.id).where(_albums.c.artist_id == artist_id)))


async def has_works(db: Writing, artist_id: ArtistId) -> bool:
    """Whether songs or albums are theirs; none come until the transaction ends."""
    await db.execute(select(_artists.c.id).where(_artists.c.id == artist_id).with_for_update())
    songs = select(_songs.c.id).where(_songs.c.artist_id == artist_id).limit(1)
    albums = select(_albums.c.id).where(_albums.c.artist_id == artist_id).limit(1)
    return await db.scalar(songs) is not None or await db.scalar(albums) is not None


async def remove(db: Writing, artist_id: ArtistId) -> None:
    """Take the artist out."""
    await db.execute(delete(_artists).where(_artists.c.id == artist_id))


def _is_named() -> ColumnElement[bool]:
    return func.lower(_artists.c.name) == func.lower(bindparam("called", type_=Text))
