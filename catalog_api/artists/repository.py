"""Reads and writes artists."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update

from catalog_api.albums.tables import Album
from catalog_api.artists.tables import Artist
from catalog_api.external_ids.repository import named
from catalog_api.listeners.tables import User
from catalog_api.songs.repository import Owned
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading, Writing
from foundation.ids import ArtistId, UserId

_UNSYNCHRONIZED = {"synchronize_session": False}


def _entry(*more: Any) -> Select[*tuple[Any, ...]]:
    return select(Artist.id, Artist.name, Artist.country, *more)


async def by_id(db: Reading, artist_id: ArtistId) -> Row[*tuple[Any, ...]] | None:
    """The artist with what is theirs counted; None where there is no such artist."""
    songs = select(func.count(Song.id)).where(Song.artist_id == Artist.id).scalar_subquery()
    albums = select(func.count(Album.id)).where(Album.artist_id == Artist.id).scalar_subquery()
    asked = _entry(
        Artist.biography,
        songs.label("song_count"),
        albums.label("album_count"),
        named("artist", Artist.id).label("external_ids"),
    )
    return (await db.execute(asked.where(Artist.id == artist_id))).one_or_none()


async def listed(db: Reading, name: str | None, limit: int, offset: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Some artists, of this name or of all, the oldest of the catalog first."""
    asked = _entry().order_by(Artist.id).limit(limit).offset(offset)
    return (await db.execute(asked if name is None else asked.where(_is_named(name)))).all()


async def count_named(db: Reading, name: str) -> int:
    """How many are called so."""
    return int(await db.scalar(select(func.count(Artist.id)).where(_is_named(name))) or 0)


async def owned_by(db: Reading, user_id: UserId, limit: int, offset: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Some of the artists that belong to someone, the oldest of the catalog first."""
    theirs = _entry().where(Artist.owner_id == user_id).order_by(Artist.id)
    return (await db.execute(theirs.limit(limit).offset(offset))).all()


async def count_owned_by(db: Reading, user_id: UserId) -> int:
    """How many belong to them."""
    return int(await db.scalar(select(func.count(Artist.id)).where(Artist.owner_id == user_id)) or 0)


async def there_is(db: Reading, artist_id: ArtistId) -> bool:
    """Whether there is such an artist."""
    return await db.scalar(select(Artist.id).where(Artist.id == artist_id)) is not None


async def owner_of(db: Reading, artist_id: ArtistId) -> Owned | None:
    """Whose artist it is; None where there is no such artist."""
    row = (await db.execute(select(Artist.id, Artist.owner_id).where(Artist.id == artist_id))).one_or_none()
    return None if row is None else Owned(*row)


async def user_kept(db: Writing, user_id: int) -> bool:
    """Whether there is such a person, who then stays until the transaction ends."""
    asked = select(User.id).where(User.id == user_id).with_for_update(key_share=True, read=True)
    return await db.scalar(asked) is not None


async def add(db: Writing, now: datetime, values: Mapping[str, Any]) -> ArtistId:
    """Write a new artist; returns the id."""
    added = insert(Artist).values(**values, created_at=now, updated_at=now).returning(Artist.id)
    return ArtistId((await db.execute(added)).scalar_one())


async def change(db: Writing, artist_id: ArtistId, now: datetime, values: Mapping[str, Any]) -> None:
    """Write what is different."""
    changed = update(Artist).where(Artist.id == artist_id).values(**values, updated_at=now)
    await db.execute(changed, execution_options=_UNSYNCHRONIZED)


async def album_ids(db: Reading, artist_id: ArtistId) -> list[int]:
    """Their albums."""
    return list(await db.scalars(select(Album.id).where(Album.artist_id == artist_id)))


async def has_works(db: Writing, artist_id: ArtistId) -> bool:
    """Whether songs or albums are theirs; none come until the transaction ends."""
    await db.execute(select(Artist.id).where(Artist.id == artist_id).with_for_update())
    songs = select(Song.id).where(Song.artist_id == artist_id).limit(1)
    albums = select(Album.id).where(Album.artist_id == artist_id).limit(1)
    return await db.scalar(songs) is not None or await db.scalar(albums) is not None


async def remove(db: Writing, artist_id: ArtistId) -> None:
    """Take the artist out."""
    await db.execute(delete(Artist).where(Artist.id == artist_id), execution_options=_UNSYNCHRONIZED)


def _is_named(name: str) -> Any:
    return func.lower(Artist.name) == func.lower(name)
