"""Changes songs for those who may, and tells everybody whom a change concerns, whoever made it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from catalog_api.external_ids import repository as external_ids
from catalog_api.external_ids import service as naming
from catalog_api.genres.service import kept_name
from catalog_api.outbox.repository import ROW_EVENTS, tell
from catalog_api.songs import repository
from catalog_api.songs.errors import AlbumUnknown, ArtistUnknown, NotTheOwner, SongNotFound
from catalog_api.songs.keys import Shown, keys_of
from catalog_api.songs.repository import Owned, Which
from catalog_api.songs.schemas import SongChange, SongIn, SongOut
from catalog_api.songs.service import Songs
from foundation.cache import Cache
from foundation.clock import Clock, microseconds
from foundation.contracts.events import SongChanged
from foundation.engines.postgres import Writing
from foundation.ids import SongId
from foundation.security import Principal


def check_owner(asking: Principal, artist: Owned) -> None:
    """Let the artist's owner and administrators through. Raises NotTheOwner (403)."""
    if "admin" not in asking.roles and artist.owner_id != asking.user_id:
        raise NotTheOwner(artist.artist_id)


@dataclass(frozen=True, slots=True)
class News:
    """Tells of songs that changed, or around which something did: the rest of Segue, and every cache."""

    db: Writing
    cache: Cache
    now: Clock

    async def tell(self, which: Which) -> None:
        """Tell that these songs, or the names shown with them, are others now; their rows are written already."""
        ids = await repository.stamp(self.db, self.now(), which)
        if not ids:
            return
        songs = await repository.as_told(self.db, ids)
        await self._tell([changed(song) for song in songs])
        shown = [Shown(song.id, song.artist_id, song.album_id) for song in songs]
        await self.cache.change(self.db, *keys_of(shown, await repository.shown_on(self.db, ids)))

    async def drop(self, which: Which) -> None:
        """Drop every kept answer that shows these songs, of which nothing is told elsewhere: their cover is another."""
        ids = await repository.ids_of(self.db, which)
        shown = await repository.shown(self.db, ids)
        await self.cache.change(self.db, *keys_of(shown, await repository.shown_on(self.db, ids)))

    async def _tell(self, events: Sequence[SongChanged]) -> None:
        for some in _parts(events):
            await tell(self.db, *some)


def _parts(events: Sequence[SongChanged]) -> list[Sequence[SongChanged]]:
    return [events[at : at + ROW_EVENTS] for at in range(0, len(events), ROW_EVENTS)]


def changed(song: Row[*tuple[Any, ...]], *, is_removed: bool = False) -> SongChanged:
    """A song's row as the rest of Segue is told of it."""
    return SongChanged(
        song_id=song.id,
        title=song.title,
        artist_id=song.artist_id,
        artist=song.artist,
        album=song.album or "",
        album_id=song.album_id,
        genre=song.genre,
        song_ms=song.duration_ms,
        released_on=song.released_on,
        is_explicit=song.is_explicit,
        regions=None if song.regions is None else tuple(song.regions),
        is_removed=is_removed,
        origin=song.source or "",
        external_id=song.external_id or "",
        version=microseconds(song.updated_at),
    )


@dataclass(frozen=True, slots=True)
class SongEditor:
    """Writes songs in one request."""

    db: Writing
    cache: Cache
    now: Clock

    async def add(self, asking: Principal, told: SongIn) -> SongOut:
        """A new song. Raises ArtistUnknown, AlbumUnknown, GenreUnknown, NotTheOwner, ExternalIdTaken."""
        artist = await repository.artist_kept(self.db, told.artist_id)
        if artist is None:
            raise ArtistUnknown(told.artist_id)
        check_owner(asking, artist)
        values = await self._values(artist, told.model_dump(exclude={"external_ids"}))
        song_id = await repository.add(self.db, self.now(), values)
        return await self._finish(song_id, told)

    async def change(self, asking: Principal, song_id: SongId, told: SongChange) -> SongOut:
        """The song, as it is now. Raises SongNotFound, AlbumUnknown, GenreUnknown, NotTheOwner, ExternalIdTaken."""
        artist = await self._of(asking, song_id)
        await repository.lock(self.db, song_id)
        before = await repository.shown(self.db, [song_id])
        values = {field: value for field, value in told.told().items() if field != "external_ids"}
        await repository.change(self.db, song_id, await self._values(artist, values))
        await self.cache.change(self.db, *keys_of(before))  # also of the album that it leaves
        return await self._finish(song_id, told)

    async def remove(self, asking: Principal, song_id: SongId) -> None:
        """Take the song out, also of playlists, and tell so. Raises SongNotFound, NotTheOwner."""
        await self._of(asking, song_id)
        playlists = await repository.take_off_playlists(self.db, song_id, self.now())
        await repository.stamp(self.db, self.now(), Which(ids=[song_id]))
        for song in await repository.as_told(self.db, [song_id]):  # none where somebody was faster
            shown = [Shown(song.id, song.artist_id, song.album_id)]
            await self.cache.change(self.db, *keys_of(shown, playlists), f"song:{song_id}:lyrics")
            await tell(self.db, changed(song, is_removed=True))
        await external_ids.unname(self.db, "song", song_id)
        await repository.remove(self.db, song_id)

    async def _of(self, asking: Principal, song_id: SongId) -> Owned:
        artist = await repository.owner_of(self.db, song_id)
        if artist is None:
            raise SongNotFound(song_id)
        check_owner(asking, artist)
        return artist

    async def _values(self, artist: Owned, told: dict[str, Any]) -> dict[str, Any]:
        """The columns of what was told."""
        if told.get("album_id") is not None:
            of = await repository.album_kept(self.db, told["album_id"])
            if of != artist.artist_id:
                raise AlbumUnknown(artist.artist_id, told["album_id"])
        if "genre" in told:
            told["genre"] = "" if told["genre"] is None else await kept_name(self.db, told["genre"])
        if "duration" in told:
            seconds = told.pop("duration")
            told["duration_ms"] = None if seconds is None else 1000 * seconds
        return told

    async def _finish(self, song_id: SongId, told: SongIn | SongChange) -> SongOut:
        await naming.keep(self.db, "song", song_id, told.external_ids.by_source())
        await News(self.db, self.cache, self.now).tell(Which(ids=[song_id]))
        return await Songs(self.db).by_id(song_id)
