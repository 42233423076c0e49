"""Albums: read by everybody, written by who owns their artist."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Row

from catalog_api.albums import repository
from catalog_api.albums.covers import Covers
from catalog_api.albums.errors import AlbumNotEmpty, AlbumNotFound
from catalog_api.albums.schemas import AlbumChange, AlbumEntry, AlbumIn, AlbumWithSongs
from catalog_api.external_ids import repository as external_ids
from catalog_api.external_ids import service as naming
from catalog_api.songs import repository as songs
from catalog_api.songs.editing import News, check_owner
from catalog_api.songs.errors import ArtistUnknown
from catalog_api.songs.keys import ALBUM, ARTIST
from catalog_api.songs.repository import Owned, Which
from catalog_api.songs.schemas import ArtistOut, cover_art_url
from catalog_api.songs.service import Songs
from foundation.cache import Cache
from foundation.clock import Clock
from foundation.engines.postgres import Reading, Writing
from foundation.http.pages import Offset, Page
from foundation.ids import AlbumId, ArtistId
from foundation.security import Principal

MOST_SONGS = 500  # of an album that are told with it; GET /songs?album_id= goes on


@dataclass(frozen=True, slots=True)
class Albums:
    """The albums of the catalog, read in one request."""

    db: Reading

    async def find(self, album_id: AlbumId) -> AlbumWithSongs | None:
        """The album with its songs; None where there is no such album. Two queries."""
        row = await repository.by_id(self.db, album_id)
        if row is None:
            return None
        return AlbumWithSongs(
            **_entry(row),
            song_count=row.song_count,
            duration=(row.duration_ms + 500) // 1000,
            external_ids=row.external_ids or {},
            songs=await Songs(self.db).on_album(album_id, MOST_SONGS),
        )

    async def by_id(self, album_id: AlbumId) -> AlbumWithSongs:
        """The album with its songs. Raises AlbumNotFound."""
        found = await self.find(album_id)
        if found is None:
            raise AlbumNotFound(album_id)
        return found

    async def page(self, artist_id: ArtistId | None, part: Offset) -> Page[AlbumEntry]:
        """Some albums, of an artist or of all."""
        rows = await repository.listed(self.db, artist_id, part.limit, part.offset)
        total = None if artist_id is None else await repository.count_of(self.db, artist_id)
        entries = [AlbumEntry(**_entry(row)) for row in rows]
        return Page(results=entries, total=total, limit=part.limit, offset=part.offset)


def _entry(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "album_id": row.id,
        "title": row.title,
        "artist": ArtistOut(artist_id=row.artist_id, name=row.artist),
        "released_on": row.released_on,
        "cover_art_url": cover_art_url(row.cover_key),
    }


@dataclass(frozen=True, slots=True)
class AlbumEditor:
    """Writes albums in one request."""

    db: Writing
    cache: Cache
    covers: Covers
    now: Clock

    async def add(self, asking: Principal, told: AlbumIn) -> AlbumWithSongs:
        """A new album without songs. Raises ArtistUnknown, NotTheOwner, ExternalIdTaken."""
        artist = await songs.artist_kept(self.db, told.artist_id)
        if artist is None:
            raise ArtistUnknown(told.artist_id)
        check_owner(asking, artist)
        values = told.model_dump(exclude={"external_ids"})
        album_id = await repository.add(self.db, self.now(), values)
        return await self._finish(album_id, artist, told)

    async def change(self, asking: Principal, album_id: AlbumId, told: AlbumChange) -> AlbumWithSongs:
        """The album, as it is now. Raises AlbumNotFound, NotTheOwner, ExternalIdTaken."""
        artist = await self._of(asking, album_id)
        values = {field: value for field, value in told.told().items() if field != "external_ids"}
        await repository.change(self.db, album_id, self.now(), values)
        if "title" in values:
            await News(self.db, self.cache, self.now).tell(Which(album_id=album_id))
        return await self._finish(album_id, artist, told)

    async def remove(self, asking: Principal, album_id: AlbumId) -> None:
        """Take an empty album out, with its cover. Raises AlbumNotFound, NotTheOwner, AlbumNotEmpty."""
        artist = await self._of(asking, album_id)
        if await repository.has_songs(self.db, album_id):
            raise AlbumNotEmpty(album_id)
        await external_ids.unname(self.db, "album", album_id)
        cover = await repository.remove(self.db, album_id)
        if cover is not None:
            self.db.after_commit(partial(self.covers.remove, cover))
        await self.cache.change(self.db, ALBUM.key(album_id), ARTIST.key(artist.artist_id))

    async def show(self, asking: Principal, album_id: AlbumId, drawn: Mapping[int, bytes]) -> AlbumWithSongs:
        """The album with this cover in place of what it had. Raises AlbumNotFound, NotTheOwner."""
        await self._of(asking, album_id)
        # Kept before the row names it: where we end in between, a cover lies there that nobody shows.
        await self._set_cover(album_id, await self.covers.keep(drawn))
        return await Albums(self.db).by_id(album_id)

    async def hide(self, asking: Principal, album_id: AlbumId) -> None:
        """Take the cover away. Raises AlbumNotFound, NotTheOwner."""
        await self._of(asking, album_id)
        await self._set_cover(album_id, None)

    async def _set_cover(self, album_id: AlbumId, key: str | None) -> None:
        before = await repository.cover_locked(self.db, album_id)
        await repository.change(self.db, album_id, self.now(), {"cover_key": key})
        if before is not None:
            self.db.after_commit(partial(self.covers.remove, before))
        await News(self.db, self.cache, self.now).drop(Which(album_id=album_id))
        await self.cache.change(self.db, ALBUM.key(album_id))

    async def _of(self, asking: Principal, album_id: AlbumId) -> Owned:
        artist = await repository.owner_of(self.db, album_id)
        if artist is None:
            raise AlbumNotFound(album_id)
        check_owner(asking, artist)
        return artist

    async def _finish(self, album_id: AlbumId, artist: Owned, told: AlbumIn | AlbumChange) -> AlbumWithSongs:
        await naming.keep(self.db, "album", album_id, told.external_ids.by_source())
        await self.cache.change(self.db, ALBUM.key(album_id), ARTIST.key(artist.artist_id))
        return await Albums(self.db).by_id(album_id)
