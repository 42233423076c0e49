"""Invites people to a playlist, lets them in, changes their roles, and lets them go."""

from dataclasses import dataclass
from typing import cast

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.playlists.access import OWNER, READERS, locked_for, permitted
from catalog_api.playlists.errors import (
    MOST_MEMBERS,
    AlreadyMember,
    InvitationRefused,
    MemberNotFound,
    TooManyMembers,
)
from catalog_api.playlists.members import repository
from catalog_api.playlists.members.repository import NamedMember
from catalog_api.playlists.members.schemas import InvitationOut, MemberOut, MemberRole
from catalog_api.playlists.repository import lock_for, lock_listener
from catalog_api.playlists.schemas import OwnerOut
from catalog_api.playlists.tables import PlaylistMember
from catalog_api.songs.keys import PLAYLIST
from foundation.cache import Cache
from foundation.clock import Clock
from foundation.engines.postgres import Reading, Writing
from foundation.http.pages import Offset, Page
from foundation.ids import PlaylistId, UserId


@dataclass(frozen=True, slots=True)
class Members:
    """Who makes playlists together."""

    db: Reading

    async def of_playlist(self, asking: UserId, playlist_id: PlaylistId, page: Offset) -> Page[MemberOut]:
        """Members and invited people, for the owner and members. Raises what `permitted` raises."""
        await permitted(self.db, playlist_id, asking, READERS)
        found, total = await repository.of_playlist(self.db, playlist_id, page.limit, page.offset)
        told = [_told(member) for member in found]
        return Page(results=told, total=total, limit=page.limit, offset=page.offset)

    async def invitations(self, asking: UserId, page: Offset) -> Page[InvitationOut]:
        """What one is invited to and has not answered, the newest first."""
        found, total = await repository.invitations(self.db, asking, page.limit, page.offset)
        told = [
            InvitationOut(
                playlist_id=playlist.id,
                name=playlist.name,
                owner=OwnerOut(user_id=playlist.user_id, display_name=owner),
                role=cast("MemberRole", member.role),
                invited_at=member.invited_at,
            )
            for member, playlist, owner in found
        ]
        return Page(results=told, total=total, limit=page.limit, offset=page.offset)


def _told(found: NamedMember) -> MemberOut:
    member = found.member
    return MemberOut(
        user_id=member.user_id,
        display_name=found.display_name,
        role=cast("MemberRole", member.role),
        invited_at=member.invited_at,
        accepted_at=member.accepted_at,
    )


@dataclass(frozen=True, slots=True)
class WritingMembers:
    """Who makes playlists together, where that changes. Each change locks the playlist, as an edit does."""

    db: Writing
    cache: Cache
    now: Clock

    async def invite(
        self, asking: UserId, playlist_id: PlaylistId, listener_id: UserId, role: MemberRole
    ) -> MemberOut:
        """Ask someone in; asked again before they answered, the later role holds.

        Raises AlreadyMember, ListenerNotFound, InvitationRefused, TooManyMembers, and what `locked_for` raises.
        """
        await locked_for(self.db, playlist_id, asking, OWNER)
        if listener_id == asking:
            raise AlreadyMember("this is your own playlist", user_id=listener_id)
        known = await repository.by_id(self.db, playlist_id, listener_id)
        if known is not None and known.member.accepted_at is not None:
            raise AlreadyMember(f"listener {listener_id} has accepted before", user_id=listener_id)
        if not await lock_listener(self.db, listener_id):
            raise ListenerNotFound(f"nobody has the id {listener_id}", user_id=listener_id)
        if await repository.is_blocked_between(self.db, asking, listener_id):
            raise InvitationRefused("this listener takes no invitation of yours", user_id=listener_id)
        if known is not None:
            await repository.change(self.db, playlist_id, listener_id, role)
            return await self._member(playlist_id, listener_id)
        if await repository.count(self.db, playlist_id) >= MOST_MEMBERS:
            raise TooManyMembers(playlist_id)
        invited = PlaylistMember(
            playlist_id=playlist_id,
            user_id=listener_id,
            role=role,
            invited_by=asking,
            invited_at=self.now(),
        )
        await repository.add(self.db, invited)
        return await self._member(playlist_id, listener_id)

    async def accept(self, asking: UserId, playlist_id: PlaylistId) -> MemberOut:
        """Become a member of what one is invited to. Raises MemberNotFound where one is not, or is blocked since."""
        playlist = await lock_for(self.db, playlist_id, asking)
        if playlist is None or await repository.is_blocked_between(self.db, UserId(playlist.user_id), asking):
            raise MemberNotFound(playlist_id, asking)
        invited = await self._member(playlist_id, asking)
        if invited.accepted_at is not None:
            return invited
        await repository.accept(self.db, playlist_id, asking, self.now())
        await self._changed(playlist_id)
        return await self._member(playlist_id, asking)

    async def change(
        self, asking: UserId, playlist_id: PlaylistId, listener_id: UserId, role: MemberRole
    ) -> MemberOut:
        """Give someone another role. Raises MemberNotFound, and what `locked_for` raises."""
        await locked_for(self.db, playlist_id, asking, OWNER)
        await repository.change(self.db, playlist_id, listener_id, role)
        await self._changed(playlist_id)
        return await self._member(playlist_id, listener_id)

    async def remove(self, asking: UserId, playlist_id: PlaylistId, listener_id: UserId) -> None:
        """Let someone go, or leave, or decline. Raises MemberNotFound, and what `locked_for` raises."""
        if listener_id == asking:  # one who is only invited may not know of the playlist, and may decline
            await lock_for(self.db, playlist_id, asking)
        else:
            await locked_for(self.db, playlist_id, asking, OWNER)
        if not await repository.remove(self.db, playlist_id, listener_id):
            raise MemberNotFound(playlist_id, listener_id)
        await self._changed(playlist_id)

    async def _member(self, playlist_id: PlaylistId, listener_id: UserId) -> MemberOut:
        found = await repository.by_id(self.db, playlist_id, listener_id)
        if found is None:
            raise MemberNotFound(playlist_id, listener_id)
        return _told(found)

    async def _changed(self, playlist_id: PlaylistId) -> None:
        await self.cache.change(self.db, PLAYLIST.key(playlist_id))
