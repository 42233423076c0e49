"""Gives songs, and remembers for a while how long each one is."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from catalog_api.songs import repository
from catalog_api.songs.errors import SongNotFound
from catalog_api.songs.schemas import AlbumOut, ArtistOut, SongOut
from foundation.clock import Clock
from foundation.engines.postgres import Postgres, Reading
from foundation.errors import Unreachable
from foundation.ids import SongId

HALF_A_SECOND = 500


@dataclass(frozen=True, slots=True)
class Songs:
    """The songs of the catalog, read in one request."""

    db: Reading

    async def by_id(self, song_id: SongId) -> SongOut:
        """The song with its artist and album. Raises SongNotFound."""
        named = await repository.by_id(self.db, song_id)
        if named is None:
            raise SongNotFound(song_id)
        song = named.song
        album = (
            AlbumOut(album_id=song.album_id, title=named.album)
            if song.album_id and named.album is not None
            else None
        )
        return SongOut(
            song_id=song.id,
            title=song.title,
            artist=ArtistOut(artist_id=song.artist_id, name=named.artist),
            album=album,
            duration=None if song.duration_ms is None else (song.duration_ms + HALF_A_SECOND) // 1000,
            genre=song.genre or None,
            released_on=song.released_on,
        )


@dataclass(frozen=True, slots=True)
class SongLengths:
    """How long songs are, remembered across requests: a play of a known song asks Postgres nothing."""

    postgres: Postgres
    now: Clock
    remembered: timedelta = timedelta(minutes=5)
    room: int = 100_000  # songs; the least recently played is forgotten first
    _known: OrderedDict[SongId, tuple[datetime, int | None]] = field(default_factory=OrderedDict)

    async def of(self, song_id: SongId) -> int | None:
        """The song's length in milliseconds, None where the catalog does not know it. Raises SongNotFound.

        While Postgres is away, what is remembered holds for longer; a song not remembered raises Unreachable.
        """
        known = self._known.get(song_id)
        if known is not None and self.now() - known[0] < self.remembered:
            self._known.move_to_end(song_id)
            return known[1]
        try:
            async with self.postgres.reading() as db:
                length = await repository.length_of(db, song_id)
        except Unreachable:
            if known is None:
                raise
            return known[1]
        if length is None:
            self._known.pop(song_id, None)
            raise SongNotFound(song_id)
        self._remember(song_id, length[0])
        return length[0]

    def _remember(self, song_id: SongId, length: int | None) -> None:
        self._known[song_id] = (self.now(), length)
        self._known.move_to_end(song_id)
        if len(self._known) > self.room:
            self._known.popitem(last=False)
