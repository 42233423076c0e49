"""Reads and writes albums."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, func, insert, select, update

from catalog_api.albums.tables import Album
from catalog_api.external_ids.repository import named
from catalog_api.songs.repository import Owned
from catalog_api.songs.tables import ARTISTS, Song
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of, whole_number
from foundation.ids import AlbumId

_albums, _songs = table_of(Album), table_of(Song)


def _entry(*more: Any) -> Select[*tuple[Any, ...]]:
    return select(
        _albums.c.id,
        _albums.c.title,
        _albums.c.artist_id,
        ARTISTS.c.name.label("artist"),
        _albums.c.released_on,
        _albums.c.cover_key,
        *more,
    ).join(ARTISTS, ARTISTS.c.id == _albums.c.artist_id)


async def by_id(db: Reading, album_id: AlbumId) -> Row[*tuple[Any, ...]] | None:
    """The album with what its songs come to; None where there is no such album."""
    return (await db.execute(_one(), {"album_id": album_id})).one_or_none()


@cache
def _one() -> Select[*tuple[Any, ...]]:
    mine = _songs.c.album_id == _albums.c.id
    songs = select(func.count(_songs.c.id)).where(mine).scalar_subquery().label("song_count")
    length = select(func.coalesce(func.sum(_songs.c.duration_ms), 0)).where(mine).scalar_subquery()
    asked = _entry(named("album", _albums.c.id).label("external_ids"), songs, length.label("duration_ms"))
    return asked.where(_albums.c.id == bindparam("album_id"))


async def listed(
    db: Reading, artist_id: int | None, limit: int, offset: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Some albums: of an artist the newest release first, of all the oldest of the catalog first."""
    asked = {"limit": limit, "offset": offset} | ({} if artist_id is None else {"artist_id": artist_id})
    return (await db.execute(_listed(is_of_an_artist=artist_id is not None), asked)).all()


@cache
def _listed(*, is_of_an_artist: bool) -> Select[*tuple[Any, ...]]:
    part = _entry().limit(whole_number("limit")).offset(whole_number("offset"))
    if not is_of_an_artist:
        return part.order_by(_albums.c.id)
    theirs = part.where(_albums.c.artist_id == bindparam("artist_id"))
    return theirs.order_by(_albums.c.released_on.desc().nulls_last(), _albums.c.id.desc())


async def count_of(db: Reading, artist_id: int) -> int:
    """How many albums the artist has."""
    return int(await db.scalar(_counted(), {"artist_id": artist_id}) or 0)


@cache
def _counted() -> Select[int]:
    return select(func.count(_albums.c.id)).where(_albums.c.artist_id == bindparam("artist_id"))


async def owner_of(db: Reading, album_id: AlbumId) -> Owned | None:
    """Whose album it is; None where there is no such album."""
    asked = select(ARTISTS.c.id, ARTISTS.c.owner_id).join(_albums, _albums.c.artist_id == ARTISTS.c.id)
    row = (await db.execute(asked.where(_albums.c.id == album_id))).one_or_none()
    return None if row is None else Owned(*row)


async def add(db: Writing, now: datetime, values: Mapping[str, Any]) -> AlbumId:
    """Write a new album; returns its id."""
    added = insert(_albums).values(**values, created_at=now, updated_at=now).returning(_albums.c.id)
    return AlbumId((await db.execute(added)).scalar_one())


async def change(db: Writing, album_id: AlbumId, now: datetime, values: Mapping[str, Any]) -> None:
    """Write what is different."""
    changed = update(_albums).where(_albums.c.id == album_id).values(**values, updated_at=now)
    await db.execute(changed)


async def cover_locked(db: Writing, album_id: AlbumId) -> str | None:
    """The key of its cover, which nobody else changes until the transaction ends."""
    return await db.scalar(select(_albums.c.cover_key).where(_albums.c.id == album_id).with_for_update())


async def has_songs(db: Writing, album_id: AlbumId) -> bool:
    """Whether songs are on it; none come on it until the transaction ends."""
    await db.execute(select(_albums.c.id).where(_albums.c.id == album_id).with_for_update())
    return await db.scalar(select(_songs.c.id).where(_songs.c.album_id == album_id).limit(1)) is not None


async def remove(db: Writing, album_id: AlbumId) -> str | None:
    """Take the album out; returns the key of its cover."""
    removed = delete(_albums).where(_albums.c.id == album_id).returning(_albums.c.cover_key)
    return (await db.execute(removed)).scalar_one_or_none()
