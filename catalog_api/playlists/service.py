"""Tells playlists, makes and copies them, and changes what is said about them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.listeners.service import Listeners
from catalog_api.outbox.repository import tell
from catalog_api.playlists import repository
from catalog_api.playlists.access import OWNER, changed, locked_for, readable
from catalog_api.playlists.errors import PlaylistNotFound
from catalog_api.playlists.order.service import Order
from catalog_api.playlists.repository import Carrying, Public, Summary, Whole
from catalog_api.playlists.schemas import (
    CopyNew,
    OwnerOut,
    PlaylistNew,
    PlaylistOut,
    PlaylistSongOut,
    SummaryOut,
)
from catalog_api.playlists.tables import Playlist
from catalog_api.playlists.telling import FIRST, found, songs_of
from catalog_api.social.activities.service import Activities
from catalog_api.songs.keys import PLAYLIST
from foundation.cache import Cache
from foundation.clock import Clock, microseconds
from foundation.contracts.events import PlaylistChanged
from foundation.engines.postgres import Reading, Writing
from foundation.http.pages import Offset, Page
from foundation.ids import ArtistId, PlaylistId, SongId, UserId


@dataclass(frozen=True, slots=True)
class Playlists:
    """The playlists that may be read."""

    db: Reading

    async def whole(
        self, asking: UserId | None, playlist_id: PlaylistId, limit: int = FIRST, offset: int = 0
    ) -> Whole:
        """The playlist with some of its songs. Raises PlaylistNotFound, also where `asking` may not read it."""
        whole = await repository.whole(self.db, playlist_id, limit, offset)
        if whole is None or not readable(whole, asking):
            raise PlaylistNotFound(playlist_id)
        return whole

    async def songs(
        self, asking: UserId | None, playlist_id: PlaylistId, page: Offset
    ) -> Page[PlaylistSongOut]:
        """Some of its songs. Raises PlaylistNotFound."""
        return songs_page(await self.whole(asking, playlist_id, page.limit, page.offset), page)

    async def with_artist(self, artist_id: ArtistId, limit: int) -> tuple[int, int, list[Carrying]]:
        """How many public and other playlists carry songs of an artist, and the public ones that carry most of them."""
        return await repository.with_artist(self.db, artist_id, limit)

    async def of_listener(self, asking: UserId, page: Offset) -> Page[SummaryOut]:
        """Those of one's own and those one is a member of, the newest first."""
        summaries, total = await repository.of_listener(self.db, asking, page.limit, page.offset)
        return _page(summaries, total, page)

    async def public_among(
        self, playlist_ids: Sequence[int], viewer: UserId | None = None
    ) -> Sequence[Public]:
        """Those of these that everyone may see at this moment, but for those of whom a block parts from the viewer."""
        return await repository.public_among(self.db, playlist_ids, viewer)

    async def public_of(self, listener_id: UserId, page: Offset) -> Page[SummaryOut]:
        """The public ones of a listener, the newest first. Raises ListenerNotFound."""
        await Listeners(self.db).by_id(listener_id)
        summaries, total = await repository.public_of(self.db, listener_id, page.limit, page.offset)
        return _page(summaries, total, page)


def songs_page(whole: Whole, page: Offset) -> Page[PlaylistSongOut]:
    """The songs that were read, as one page of all."""
    songs = songs_of(whole, page.offset)
    return Page(results=songs, total=whole.song_count, limit=page.limit, offset=page.offset)


def _page(summaries: Iterable[Summary], total: int, page: Offset) -> Page[SummaryOut]:
    results = [
        SummaryOut(
            playlist_id=playlist.id,
            name=playlist.name,
            description=playlist.description,
            owner=OwnerOut(user_id=playlist.user_id, display_name=owner),
            is_public=playlist.is_public,
            role=role,
            version=playlist.version,
            song_count=song_count,
            updated_at=playlist.updated_at,
        )
        for playlist, owner, song_count, role in summaries
    ]
    return Page(results=results, total=total, limit=page.limit, offset=page.offset)


@dataclass(frozen=True, slots=True)
class WritingPlaylists:
    """The playlists that may be made and changed."""

    db: Writing
    cache: Cache
    activities: Activities
    now: Clock

    async def make(self, asking: UserId, new: PlaylistNew) -> PlaylistOut:
        """A new playlist of one's own. Raises SongsNotFound, ListenerNotFound."""
        playlist = await self._empty(asking, new.name, new.description, is_public=new.is_public)
        songs = [SongId(song_id) for song_id in new.song_ids]
        if songs:
            await Order(self.db, self.cache, self.now).put(playlist, asking, songs)
        await self._tell_of(playlist, was_public=False)
        return await self._told(playlist)

    async def copy(self, asking: UserId, source: PlaylistId, new: CopyNew) -> PlaylistOut:
        """A private playlist of one's own with the songs of one that one may read. Raises PlaylistNotFound."""
        whole = await Playlists(self.db).whole(asking, source, limit=0)
        name = new.name or whole.playlist.name
        playlist = await self._empty(asking, name, whole.playlist.description, is_public=False)
        await repository.copy_songs(self.db, source, PlaylistId(playlist.id), asking, self.now())
        return await self._told(playlist)

    async def change(
        self, asking: UserId, playlist_id: PlaylistId, told: dict[str, Any], if_match: str | None
    ) -> PlaylistOut:
        """Say something else about it. Raises what `locked_for` raises."""
        playlist = await locked_for(self.db, playlist_id, asking, OWNER, if_match)
        if told:
            was_public = playlist.is_public
            for name, value in told.items():
                setattr(playlist, name, value)
            await changed(self.db, self.cache, playlist, self.now())
            await self._tell_of(playlist, was_public=was_public)
        return await self._told(playlist)

    async def delete(self, asking: UserId, playlist_id: PlaylistId, if_match: str | None) -> None:
        """Remove it with its members and links. Raises what `locked_for` raises."""
        playlist = await locked_for(self.db, playlist_id, asking, OWNER, if_match)
        if playlist.is_public:
            await self.activities.remove(asking, "made", "playlist", playlist_id)
            await self._tell_whether_public(playlist_id, is_public=False)
        await repository.remove(self.db, playlist_id)
        await self.cache.change(self.db, PLAYLIST.key(playlist_id))

    async def _tell_of(self, playlist: Playlist, *, was_public: bool) -> None:
        """Let followers know of a playlist that everyone may see now, and forget one that they may not."""
        owner = UserId(playlist.user_id)
        if playlist.is_public and not was_public:
            await self.activities.add(owner, "made", "playlist", playlist.id)
        elif was_public and not playlist.is_public:
            await self.activities.remove(owner, "made", "playlist", playlist.id)
        if playlist.is_public != was_public:
            await self._tell_whether_public(playlist.id, is_public=playlist.is_public)

    async def _tell_whether_public(self, playlist_id: int, *, is_public: bool) -> None:
        """Let charts know."""
        version = microseconds(self.now())
        await tell(self.db, PlaylistChanged(playlist_id=playlist_id, is_public=is_public, version=version))

    async def _empty(self, owner: UserId, name: str, description: str, *, is_public: bool) -> Playlist:
        if not await repository.lock_listener(self.db, owner):
            raise ListenerNotFound(f"nobody has the id {owner}", user_id=owner)
        playlist = await repository.make(
            self.db, owner, name, description, is_public=is_public, now=self.now()
        )
        # Whoever asked for this id before it was given learnt that nothing is there, and remembers it.
        await self.cache.change(self.db, PLAYLIST.key(playlist.id))
        return playlist

    async def _told(self, playlist: Playlist) -> PlaylistOut:
        told = await found(self.db, PlaylistId(playlist.id))
        if told is None:
            raise PlaylistNotFound(PlaylistId(playlist.id))
        return told
