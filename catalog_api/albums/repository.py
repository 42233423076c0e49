"""Reads and writes albums."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update

from catalog_api.albums.tables import Album
from catalog_api.external_ids.repository import named
from catalog_api.songs.repository import Owned
from catalog_api.songs.tables import ARTISTS, Song
from foundation.engines.postgres import Reading, Writing
from foundation.ids import AlbumId

_UNSYNCHRONIZED = {"synchronize_session": False}


def _entry(*more: Any) -> Select[*tuple[Any, ...]]:
    return select(
        Album.id,
        Album.title,
        Album.artist_id,
        ARTISTS.c.name.label("artist"),
        Album.released_on,
        Album.cover_key,
        *more,
    ).join(ARTISTS, ARTISTS.c.id == Album.artist_id)


async def by_id(db: Reading, album_id: AlbumId) -> Row[*tuple[Any, ...]] | None:
    """The album with what its songs come to; None where there is no such album."""
    mine = Song.album_id == Album.id
    songs = select(func.count(Song.id)).where(mine).scalar_subquery().label("song_count")
    length = select(func.coalesce(func.sum(Song.duration_ms), 0)).where(mine).scalar_subquery()
    asked = _entry(named("album", Album.id).label("external_ids"), songs, length.label("duration_ms"))
    return (await db.execute(asked.where(Album.id == album_id))).one_or_none()


async def listed(
    db: Reading, artist_id: int | None, limit: int, offset: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Some albums: of an artist the newest release first, of all the oldest of the catalog first."""
    asked = _entry().limit(limit).offset(offset)
    if artist_id is None:
        return (await db.execute(asked.order_by(Album.id))).all()
    newest_first = asked.where(Album.artist_id == artist_id)
    return (
        await db.execute(newest_first.order_by(Album.released_on.desc().nulls_last(), Album.id.desc()))
    ).all()


async def count_of(db: Reading, artist_id: int) -> int:
    """How many albums the artist has."""
    return int(await db.scalar(select(func.count(Album.id)).where(Album.artist_id == artist_id)) or 0)


async def owner_of(db: Reading, album_id: AlbumId) -> Owned | None:
    """Whose album it is; None where there is no such album."""
    asked = select(ARTISTS.c.id, ARTISTS.c.owner_id).join(Album, Album.artist_id == ARTISTS.c.id)
    row = (await db.execute(asked.where(Album.id == album_id))).one_or_none()
    return None if row is None else Owned(*row)


async def add(db: Writing, now: datetime, values: Mapping[str, Any]) -> AlbumId:
    """Write a new album; returns its id."""
    added = insert(Album).values(**values, created_at=now, updated_at=now).returning(Album.id)
    return AlbumId((await db.execute(added)).scalar_one())


async def change(db: Writing, album_id: AlbumId, now: datetime, values: Mapping[str, Any]) -> None:
    """Write what is different."""
    changed = update(Album).where(Album.id == album_id).values(**values, updated_at=now)
    await db.execute(changed, execution_options=_UNSYNCHRONIZED)


async def cover_locked(db: Writing, album_id: AlbumId) -> str | None:
    """The key of its cover, which nobody else changes until the transaction ends."""
    return await db.scalar(select(Album.cover_key).where(Album.id == album_id).with_for_update())


async def has_songs(db: Writing, album_id: AlbumId) -> bool:
    """Whether songs are on it; none come on it until the transaction ends."""
    await db.execute(select(Album.id).where(Album.id == album_id).with_for_update())
    return await db.scalar(select(Song.id).where(Song.album_id == album_id).limit(1)) is not None


async def remove(db: Writing, album_id: AlbumId) -> str | None:
    """Take the album out; returns the key of its cover."""
    removed = delete(Album).where(Album.id == album_id).returning(Album.cover_key)
    return (await db.execute(removed, execution_options=_UNSYNCHRONIZED)).scalar_one_or_none()
