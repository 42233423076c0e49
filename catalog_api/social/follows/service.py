"""Follows begin and end, and whoever must know is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog_api.outbox.repository import tell
from catalog_api.social.activities.service import Activities
from catalog_api.social.errors import BlockedByYou, NotYourself
from catalog_api.social.follows import repository
from catalog_api.social.follows.repository import Kind, Row
from catalog_api.social.people.service import Moment, People, change, nobody
from catalog_api.social.positions import Position, position_of, stretch_of
from catalog_api.social.schemas import ArtistSince, ListenerSince
from catalog_api.social.targets import hold
from foundation.contracts.events import FollowChanged
from foundation.engines.postgres import Reading, Writing
from foundation.http.pages import Cursor, Stretch
from foundation.ids import ArtistId, UserId


@dataclass(frozen=True, slots=True)
class Following:
    """Changes whom a listener follows."""

    db: Writing
    activities: Activities

    async def follow_listener(self, follower: UserId, followed: UserId) -> None:
        """Raises ListenerNotFound also where the other blocks the follower; NotYourself, BlockedByYou."""
        if follower == followed:
            raise NotYourself("nobody follows themselves", user_id=followed)
        moment = await change(self.db, self.activities.now, follower)
        standing = await repository.hold(self.db, follower, followed)
        if standing is not None and standing.is_blocked_by_follower:
            raise BlockedByYou(f"you block {followed}: end that first", user_id=followed)
        if standing is None or standing.is_blocking_follower:
            raise nobody(followed)
        await self._follow(follower, "listener", followed, moment)

    async def follow_artist(self, follower: UserId, artist: ArtistId) -> None:
        """Raises ArtistNotFound."""
        moment = await change(self.db, self.activities.now, follower)
        await hold(self.db, "artist", artist)
        await self._follow(follower, "artist", artist, moment)

    async def unfollow(self, follower: UserId, kind: Kind, target: int) -> None:
        """Do so; where there was nothing to end, nothing happens."""
        await self.end(follower, kind, target, await change(self.db, self.activities.now, follower))

    async def end(self, follower: UserId, kind: Kind, target: int, moment: Moment) -> None:
        """The same within a change of the follower's."""
        if await repository.remove(self.db, follower, kind, target):
            await tell(self.db, _changed(follower, kind, target, moment, is_following=False))
            await self.activities.remove(follower, "followed", kind, target)

    async def _follow(self, follower: UserId, kind: Kind, target: int, moment: Moment) -> None:
        if await repository.add(self.db, follower, kind, target, moment.at):
            await tell(self.db, _changed(follower, kind, target, moment, is_following=True))
            await self.activities.add(follower, "followed", kind, target)


@dataclass(frozen=True, slots=True)
class Follows:
    """Who follows whom."""

    db: Reading

    async def are_from(self, follower: UserId, followed: UserId) -> bool:
        """Whether one listener follows another."""
        return await repository.follows(self.db, follower, followed)

    async def artists(self, follower: UserId, cursor: Cursor) -> Stretch[ArtistSince]:
        """The artists whom a listener follows, the newest first."""
        found = await repository.artists_of(self.db, follower, position_of(cursor), cursor.limit + 1)
        told = [ArtistSince(artist_id=number, name=name, since=since) for number, name, since in found]
        return stretch_of(told, cursor.limit, lambda artist: Position(artist.since, artist.artist_id))

    async def followed(self, viewer: UserId, follower: UserId, cursor: Cursor) -> Stretch[ListenerSince]:
        """The listeners whom a listener follows, the newest first. Raises ListenerNotFound."""
        after = position_of(cursor)
        if viewer != follower:
            await People(self.db).meet(viewer, follower)
        found = await repository.followed_by(self.db, follower, viewer, after, cursor.limit + 1)
        return _listeners(found, cursor.limit)

    async def followers(self, viewer: UserId, followed: UserId, cursor: Cursor) -> Stretch[ListenerSince]:
        """The listeners who follow a listener, the newest first. Raises ListenerNotFound."""
        after = position_of(cursor)
        await People(self.db).meet(viewer, followed)
        found = await repository.followers_of(self.db, followed, viewer, after, cursor.limit + 1)
        return _listeners(found, cursor.limit)


def _listeners(found: Sequence[Row], limit: int) -> Stretch[ListenerSince]:
    told = [ListenerSince(user_id=number, display_name=name, since=since) for number, name, since in found]
    return stretch_of(told, limit, lambda listener: Position(listener.since, listener.user_id))


def _changed(
    follower: UserId, kind: Kind, target: int, moment: Moment, *, is_following: bool
) -> FollowChanged:
    return FollowChanged(
        listener_id=follower,
        kind=kind,
        target_id=target,
        is_following=is_following,
        version=moment.version,
    )
