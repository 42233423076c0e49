"""Songs go from one listener to another who follows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog_api.social.errors import NotYourFollower, ShareNotFound
from catalog_api.social.follows.service import Follows
from catalog_api.social.people.service import change
from catalog_api.social.positions import id_of
from catalog_api.social.schemas import ArtistCard, ListenerCard, SongCard
from catalog_api.social.shares import repository
from catalog_api.social.shares.repository import Shared
from catalog_api.social.shares.schemas import InboxOut, ShareIn, ShareOut
from catalog_api.social.targets import hold
from foundation.clock import Clock
from foundation.engines.postgres import Reading, Writing
from foundation.http.pages import Cursor, Stretch, sealed, stretch
from foundation.ids import SongId, UserId


@dataclass(frozen=True, slots=True)
class Sending:
    """Sends songs, and notes that they were seen."""

    db: Writing
    now: Clock

    async def send(self, sender: UserId, told: ShareIn) -> ShareOut:
        """Raises NotYourFollower, also to one who blocks the sender; ListenerNotFound, SongNotFound."""
        to, song = UserId(told.to_user_id), SongId(told.song_id)
        moment = await change(self.db, self.now, sender)
        await hold(self.db, "listener", to)
        await hold(self.db, "song", song)
        if not await Follows(self.db).are_from(to, sender):
            raise NotYourFollower(f"{to} does not follow you", user_id=to)
        return _out(await repository.add(self.db, sender, to, song, told.message, moment.at))

    async def see(self, listener: UserId, share_id: int) -> None:
        """Note that the listener saw it. Raises ShareNotFound."""
        if not await repository.see(self.db, listener, share_id, self.now()):
            raise ShareNotFound(f"your inbox holds no share {share_id}", share_id=share_id)


@dataclass(frozen=True, slots=True)
class Shares:
    """The songs that a listener was sent, and sent."""

    db: Reading

    async def inbox(self, listener: UserId, cursor: Cursor) -> Stretch[InboxOut]:
        """What was sent to a listener, the newest first."""
        found = await repository.received(self.db, listener, id_of(cursor), cursor.limit + 1)
        told = [InboxOut(**_out(shared).model_dump(), seen_at=shared.share.seen_at) for shared in found]
        return stretch(told, cursor.limit, _last(told, cursor.limit))

    async def sent(self, listener: UserId, cursor: Cursor) -> Stretch[ShareOut]:
        """What a listener sent, the newest first; whether it was seen is not theirs to know."""
        found = await repository.sent(self.db, listener, id_of(cursor), cursor.limit + 1)
        told = [_out(shared) for shared in found]
        return stretch(told, cursor.limit, _last(told, cursor.limit))


def _last(shares: Sequence[ShareOut], limit: int) -> str:
    return sealed(shares[:limit][-1].share_id) if shares else ""


def _out(shared: Shared) -> ShareOut:
    share = shared.share
    return ShareOut(
        share_id=share.id,
        from_user=ListenerCard(user_id=share.from_id, display_name=shared.from_name),
        to_user=ListenerCard(user_id=share.to_id, display_name=shared.to_name),
        song=SongCard(
            song_id=share.song_id,
            title=shared.title,
            artist=ArtistCard(artist_id=shared.artist_id, name=shared.artist),
        ),
        message=share.message,
        shared_at=share.shared_at,
    )
