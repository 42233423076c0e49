"""What a listener loves is recommended, what they hide never again: opinions change, and whoever must know is told."""

from dataclasses import dataclass

from catalog_api.outbox.repository import tell
from catalog_api.social.activities.service import Activities
from catalog_api.social.opinions import repository
from catalog_api.social.opinions.repository import Kind, Opinion
from catalog_api.social.people.service import change
from catalog_api.social.positions import Position, position_of, stretch_of
from catalog_api.social.schemas import ArtistCard, ArtistSince, SongSince
from catalog_api.social.targets import hold
from foundation.contracts.events import OpinionChanged
from foundation.engines.postgres import Reading, Writing
from foundation.http.pages import Cursor, Stretch
from foundation.ids import UserId


@dataclass(frozen=True, slots=True)
class Saying:
    """Changes what a listener thinks."""

    db: Writing
    activities: Activities

    async def say(self, listener: UserId, kind: Kind, target: int, opinion: Opinion) -> None:
        """Love or hide it; the one takes the place of the other. Raises SongNotFound, ArtistNotFound."""
        moment = await change(self.db, self.activities.now, listener)
        await hold(self.db, kind, target)
        if not await repository.say(self.db, listener, kind, target, opinion, moment.at):
            return
        told = OpinionChanged(
            listener_id=listener, kind=kind, target_id=target, opinion=opinion, version=moment.version
        )
        await tell(self.db, told)
        if opinion == "love":
            await self.activities.add(listener, "loved", kind, target)
        else:
            await self.activities.remove(listener, "loved", kind, target)

    async def withdraw(self, listener: UserId, kind: Kind, target: int, opinion: Opinion) -> None:
        """Love or hide it no more; where the listener did not, nothing happens."""
        moment = await change(self.db, self.activities.now, listener)
        if not await repository.withdraw(self.db, listener, kind, target, opinion):
            return
        told = OpinionChanged(
            listener_id=listener, kind=kind, target_id=target, opinion="", version=moment.version
        )
        await tell(self.db, told)
        if opinion == "love":
            await self.activities.remove(listener, "loved", kind, target)


@dataclass(frozen=True, slots=True)
class Opinions:
    """What a listener thinks."""

    db: Reading

    async def songs(self, listener: UserId, opinion: Opinion, cursor: Cursor) -> Stretch[SongSince]:
        """The songs that a listener loves or hides, the newest first."""
        after = position_of(cursor)
        told = [
            SongSince(
                song_id=song_id,
                title=title,
                artist=ArtistCard(artist_id=artist_id, name=artist),
                since=since,
            )
            for song_id, title, artist_id, artist, since in await repository.songs(
                self.db, listener, opinion, after, cursor.limit + 1
            )
        ]
        return stretch_of(told, cursor.limit, lambda song: Position(song.since, song.song_id))

    async def artists(self, listener: UserId, opinion: Opinion, cursor: Cursor) -> Stretch[ArtistSince]:
        """The artists whom a listener loves or hides, the newest first."""
        after = position_of(cursor)
        found = await repository.artists(self.db, listener, opinion, after, cursor.limit + 1)
        told = [ArtistSince(artist_id=number, name=name, since=since) for number, name, since in found]
        return stretch_of(told, cursor.limit, lambda artist: Position(artist.since, artist.artist_id))
