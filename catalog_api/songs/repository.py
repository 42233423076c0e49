"""Reads songs with the names of their artists and albums."""

from typing import NamedTuple

from sqlalchemy import select

from catalog_api.albums.tables import Album
from catalog_api.artists.tables import Artist
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading
from foundation.ids import SongId


class NamedSong(NamedTuple):
    """A song with the names that people know it by."""

    song: Song
    artist: str
    album: str | None


async def by_id(db: Reading, song_id: SongId) -> NamedSong | None:
    """The song of this id, None where there is none."""
    named = (
        select(Song, Artist.name, Album.title)
        .join(Artist, Artist.id == Song.artist_id)
        .outerjoin(Album, Album.id == Song.album_id)
        .where(Song.id == song_id)
    )
    row = (await db.execute(named)).one_or_none()
    return NamedSong(*row) if row is not None else None


async def length_of(db: Reading, song_id: SongId) -> tuple[int | None] | None:
    """The song's length in milliseconds, itself None where unknown; None where there is no such song."""
    row = (await db.execute(select(Song.duration_ms).where(Song.id == song_id))).one_or_none()
    return (row[0],) if row is not None else None
