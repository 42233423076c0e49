"""Adds, removes and moves the songs of a playlist; each edit happens to what is there, one after the other."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from catalog_api.playlists.access import EDITORS, changed, locked_for
from catalog_api.playlists.errors import (
    MOST_SONGS,
    MoveIntoItself,
    PlaylistFull,
    SongNotInPlaylist,
    SongsNotFound,
)
from catalog_api.playlists.order import repository
from catalog_api.playlists.order.places import between
from catalog_api.playlists.order.repository import Neighbours
from catalog_api.playlists.order.schemas import EditOut, Move, MoveBefore, MoveTo
from catalog_api.playlists.tables import Playlist
from foundation.cache import Cache
from foundation.clock import Clock
from foundation.engines.postgres import Writing
from foundation.ids import PlaylistId, SongId, UserId

Find = Callable[[], Awaitable[Neighbours]]


@dataclass(frozen=True, slots=True)
class Order:
    """The songs of playlists and who edits them; `if_match` makes an edit meet just one version of the playlist."""

    db: Writing
    cache: Cache
    now: Clock

    async def add(
        self,
        asking: UserId,
        playlist_id: PlaylistId,
        song_ids: Sequence[SongId],
        position: int | None,
        if_match: str | None,
    ) -> EditOut:
        """Put songs on the playlist; those that are on it stay where they are, and where all are, nothing changes.

        Raises SongsNotFound, PlaylistFull, and what `locked_for` raises.
        """
        playlist = await locked_for(self.db, playlist_id, asking, EDITORS, if_match)
        before, added = await self.put(playlist, asking, song_ids, position)
        if added:
            await changed(self.db, self.cache, playlist, self.now())
        return _edited(playlist, before + added, added)

    async def put(
        self, playlist: Playlist, asking: UserId, song_ids: Sequence[SongId], position: int | None = None
    ) -> tuple[int, int]:
        """Put songs on a playlist that is locked or new; returns how many were on it, and how many are so now beside them."""
        playlist_id = PlaylistId(playlist.id)
        wanted = list(dict.fromkeys(song_ids))
        standing = await repository.standing(self.db, playlist_id, wanted)
        missing = [song_id for song_id in wanted if song_id not in standing.held]
        if not missing:
            return standing.songs, 0
        if unknown := set(missing) - standing.known:
            raise SongsNotFound(unknown)
        if standing.songs + len(missing) > MOST_SONGS:
            raise PlaylistFull(playlist_id)

        async def neighbours() -> Neighbours:
            if position is None:
                return await repository.at_end(self.db, playlist_id)
            return await repository.at_position(self.db, playlist_id, position)

        at_end = (standing.last, None) if position is None else None
        places = await self._places(playlist_id, neighbours, len(missing), known=at_end)
        await repository.put(
            self.db, playlist_id, list(zip(missing, places, strict=True)), asking, self.now()
        )
        return standing.songs, len(missing)

    async def remove(
        self, asking: UserId, playlist_id: PlaylistId, song_id: SongId, if_match: str | None
    ) -> EditOut:
        """Take a song away. Raises SongNotInPlaylist, and what `locked_for` raises."""
        playlist = await locked_for(self.db, playlist_id, asking, EDITORS, if_match)
        if not await repository.remove(self.db, playlist_id, song_id):
            raise SongNotInPlaylist(playlist_id, song_id)
        await changed(self.db, self.cache, playlist, self.now())
        return _edited(playlist, await repository.count(self.db, playlist_id))

    async def move(
        self, asking: UserId, playlist_id: PlaylistId, song_id: SongId, move: Move, if_match: str | None
    ) -> EditOut:
        """Let a song stand elsewhere. Raises SongNotInPlaylist, MoveIntoItself, and what `locked_for` raises."""
        playlist = await locked_for(self.db, playlist_id, asking, EDITORS, if_match)
        if await repository.place_of(self.db, playlist_id, song_id) is None:
            raise SongNotInPlaylist(playlist_id, song_id)
        (place,) = await self._places(playlist_id, lambda: self._target(playlist_id, song_id, move), 1)
        await repository.move(self.db, playlist_id, song_id, place)
        await changed(self.db, self.cache, playlist, self.now())
        return _edited(playlist, await repository.count(self.db, playlist_id))

    async def _target(self, playlist_id: PlaylistId, song_id: SongId, move: Move) -> Neighbours:
        if isinstance(move, MoveTo):
            return await repository.at_position(self.db, playlist_id, move.to, without=song_id)
        is_before = isinstance(move, MoveBefore)
        other = SongId(move.before if isinstance(move, MoveBefore) else move.after)
        if other == song_id:
            raise MoveIntoItself("a song is moved before or behind another one", song_id=song_id)
        place = await repository.place_of(self.db, playlist_id, other)
        if place is None:
            raise SongNotInPlaylist(playlist_id, other)
        beside = repository.before if is_before else repository.after
        return await beside(self.db, playlist_id, place, without=song_id)

    async def _places(
        self, playlist_id: PlaylistId, find: Find, count: int, *, known: Neighbours | None = None
    ) -> list[int]:
        """Places for `count` songs where `find` says, or is `known` to say; all are numbered anew where they do not fit."""
        places = between(*(known or await find()), count)
        while places is None:
            await repository.renumber(self.db, playlist_id)
            places = between(*await find(), count)
        return places


def _edited(playlist: Playlist, songs: int, added: int = 0) -> EditOut:
    return EditOut(playlist_id=playlist.id, version=playlist.version, song_count=songs, added=added)
