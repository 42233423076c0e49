"""Gives songs, and remembers for a while how long each one is."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from catalog_api.songs import repository
from catalog_api.songs.errors import SongNotFound
from catalog_api.songs.keys import SONG
from catalog_api.songs.repository import NamedSong, Which
from catalog_api.songs.schemas import AlbumOut, ArtistOut, SongOut, cover_art_url
from foundation import metrics
from foundation.clock import Clock
from foundation.engines.postgres import Postgres, Reading
from foundation.errors import Unreachable
from foundation.http.pages import Offset, Page
from foundation.ids import AlbumId, ArtistId, SongId
from foundation.telemetry import span

__all__ = ["SONG", "SongLengths", "Songs", "Which"]

HALF_A_SECOND = 500
PATIENCE = timedelta(milliseconds=250)  # with Postgres, where the answer is known from before

_hit = metrics.Gathered(metrics.cache_lookups.labels("song_lengths", "hit")).inc
_missed = metrics.Gathered(metrics.cache_lookups.labels("song_lengths", "miss")).inc


@dataclass(frozen=True, slots=True)
class Songs:
    """The songs of the catalog, read in one request."""

    db: Reading

    async def by_id(self, song_id: SongId) -> SongOut:
        """The song with its artist and album. Raises SongNotFound."""
        found = await self.find(song_id)
        if found is None:
            raise SongNotFound(song_id)
        return found

    async def find(self, song_id: SongId) -> SongOut | None:
        """The song with its artist and album; None where there is no such song."""
        with span("fetch_song_metadata", {"song.id": song_id}):
            named = await repository.by_id(self.db, song_id)
        return None if named is None else told(named)

    async def by_ids(self, song_ids: Sequence[int]) -> list[SongOut]:
        """Those of these songs that there are, in the order asked, in one query."""
        found = {named.id: told(named) for named in await repository.by_ids(self.db, song_ids)}
        return [found[song_id] for song_id in dict.fromkeys(song_ids) if song_id in found]

    async def page(self, which: Which, part: Offset) -> Page[SongOut]:
        """Some of these songs; those that are asked for by their ids come in the order asked."""
        if which.ids is not None:
            wanted = await self.by_ids(which.ids)
            kept = [song for song in wanted if which.holds(song)]
            return _page(kept[part.offset : part.offset + part.limit], len(kept), part)
        found = await repository.listed(self.db, which, part.limit, part.offset)
        is_few = which.artist_id is not None or which.album_id is not None
        total = await repository.count(self.db, which) if is_few else None
        return _page([told(named) for named in found], total, part)

    async def most_played_of(self, artist_id: ArtistId, part: Offset) -> Page[SongOut]:
        """Some of an artist's songs, the most played first."""
        found = await repository.most_played(self.db, artist_id, part.limit, part.offset)
        total = await repository.count(self.db, Which(artist_id=artist_id))
        return _page([told(named) for named in found], total, part)

    async def on_album(self, album_id: AlbumId, limit: int) -> list[SongOut]:
        """An album's first songs, in their order there."""
        return [told(named) for named in await repository.on_album(self.db, album_id, limit)]


def told(named: NamedSong) -> SongOut:
    """The song as the API tells it."""
    album = (
        AlbumOut(album_id=named.album_id, title=named.album, cover_art_url=cover_art_url(named.cover_key))
        if named.album_id is not None
        else None
    )
    return SongOut(
        song_id=named.id,
        title=named.title,
        artist=ArtistOut(artist_id=named.artist_id, name=named.artist),
        album=album,
        duration=None if named.duration_ms is None else (named.duration_ms + HALF_A_SECOND) // 1000,
        genre=named.genre or None,
        play_count=named.play_count,
        released_on=named.released_on,
        is_explicit=named.is_explicit,
        regions=named.regions,
        track_number=named.track_number,
        external_ids=named.external_ids or {},
    )


def _page(songs: list[SongOut], total: int | None, part: Offset) -> Page[SongOut]:
    return Page(results=songs, total=total, limit=part.limit, offset=part.offset)


class Length(NamedTuple):
    """How long a song is."""

    ms: int | None  # None where the catalog does not know it


@dataclass(frozen=True, slots=True)
class SongLengths:
    """How long songs are, remembered across requests: a play of a known song asks Postgres nothing."""

    postgres: Postgres
    now: Clock
    remembered: timedelta = timedelta(minutes=5)
    room: int = 100_000  # songs; the least recently played is forgotten first
    _known: OrderedDict[SongId, tuple[datetime, int | None]] = field(default_factory=OrderedDict)
    # Kept until they end: the event loop itself keeps no task alive.
    _let_gone: set[asyncio.Task[int | None]] = field(default_factory=set)

    async def of(self, song_id: SongId) -> int | None:
        """The song's length in milliseconds, None where the catalog does not know it. Raises SongNotFound.

        While Postgres is away or hangs, what is remembered holds for longer, and nobody waits for more than PATIENCE;
        a song not remembered raises Unreachable.
        """
        if (held := self.held(song_id, self.now())) is not None:
            return held.ms
        _missed()
        known = self._known.get(song_id)
        if known is None:
            return await self._look_up(song_id)
        looking = asyncio.create_task(self._look_up(song_id))
        try:
            await asyncio.wait({looking}, timeout=PATIENCE.total_seconds())
            if looking.done():
                return looking.result()
        except Unreachable:
            pass
        finally:
            self._let_go(looking)
        self._remember(song_id, known[1])  # so that only one play in a while waits for Postgres
        return known[1]

    def held(self, song_id: SongId, now: datetime) -> Length | None:
        """The length of a song that is remembered."""
        known = self._known.get(song_id)
        if known is None or now - known[0] >= self.remembered:
            return None
        _hit()
        self._known.move_to_end(song_id)
        return Length(known[1])

    async def of_all(self, song_ids: Collection[SongId]) -> dict[SongId, int | None]:
        """The same of many songs, in one query for all that are not remembered; without those that there are not.

        While Postgres is away what is remembered holds, and a song that is not raises Unreachable.
        """
        now, remembered = self.now(), {song_id: self._known.get(song_id) for song_id in song_ids}
        lengths = {song_id: known[1] for song_id, known in remembered.items() if known is not None}
        stale = [
            song_id
            for song_id, known in remembered.items()
            if known is None or now - known[0] >= self.remembered
        ]
        if not stale:
            return lengths
        try:
            async with self.postgres.reading() as db:
                found = await repository.lengths_of(db, stale)
        except Unreachable:
            if any(song_id not in lengths for song_id in stale):
                raise
            return lengths
        for song_id, length in found.items():
            self._remember(SongId(song_id), length)
        return {song_id: length for song_id, length in lengths.items() if song_id not in stale} | {
            SongId(song_id): length for song_id, length in found.items()
        }

    async def _look_up(self, song_id: SongId) -> int | None:
        with span("fetch_song_metadata", {"song.id": song_id}):
            async with self.postgres.reading() as db:
                length = await repository.length_of(db, song_id)
        if length is None:
            self._known.pop(song_id, None)
            raise SongNotFound(song_id)
        self._remember(song_id, length[0])
        return length[0]

    def _let_go(self, looking: asyncio.Task[int | None]) -> None:
        """Cancel a look-up without waiting for it: to close a connection that hangs takes seconds."""
        if not looking.done():
            looking.cancel()
            self._let_gone.add(looking)
            looking.add_done_callback(self._gone)

    def _gone(self, looking: asyncio.Task[int | None]) -> None:
        self._let_gone.discard(looking)
        if not looking.cancelled():
            looking.exception()  # what it ended with concerns nobody any more

    def _remember(self, song_id: SongId, length: int | None) -> None:
        self._known[song_id] = (self.now(), length)
        self._known.move_to_end(song_id)
        if len(self._known) > self.room:
            self._known.popitem(last=False)
