"""Reads and writes who is a member of a playlist, and who is asked to be."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Update, delete, func, select, update

from catalog_api.listeners.tables import User
from catalog_api.playlists.parting import are_parted
from catalog_api.playlists.tables import Playlist, PlaylistMember
from foundation.engines.postgres import Reading, Writing
from foundation.ids import PlaylistId, UserId


class NamedMember(NamedTuple):
    """A member with the name that people know them by."""

    member: PlaylistMember
    display_name: str


class Invitation(NamedTuple):
    """An unanswered invitation to a playlist."""

    member: PlaylistMember
    playlist: Playlist
    owner: str


async def by_id(db: Reading, playlist_id: PlaylistId, listener_id: UserId) -> NamedMember | None:
    """The member or invited person of this id."""
    named = (
        select(PlaylistMember, User.display_name)
        .join(User, User.id == PlaylistMember.user_id)
        .where(PlaylistMember.playlist_id == playlist_id, PlaylistMember.user_id == listener_id)
        .execution_options(populate_existing=True)
    )
    row = (await db.execute(named)).one_or_none()
    return None if row is None else NamedMember(*row)


async def of_playlist(
    db: Reading, playlist_id: PlaylistId, limit: int, offset: int
) -> tuple[list[NamedMember], int]:
    """Members and invited people in the order of their invitations; and how many there are."""
    named = (
        select(PlaylistMember, User.display_name)
        .join(User, User.id == PlaylistMember.user_id)
        .where(PlaylistMember.playlist_id == playlist_id)
        .order_by(PlaylistMember.invited_at, PlaylistMember.user_id)
        .limit(limit)
        .offset(offset)
    )
    total = await count(db, playlist_id)
    return [NamedMember(*row) for row in await db.execute(named)], total


async def count(db: Reading, playlist_id: PlaylistId) -> int:
    """How many are members or invited."""
    counted = select(func.count()).where(PlaylistMember.playlist_id == playlist_id)
    return await db.scalar(counted) or 0


async def invitations(
    db: Reading, listener_id: UserId, limit: int, offset: int
) -> tuple[list[Invitation], int]:
    """What this person was invited to and has not answered, the newest first; and how much that is.

    Playlists of whom they have blocked since, or who has blocked them, are left out.
    """
    unanswered = (
        select(PlaylistMember, Playlist, User.display_name)
        .join(Playlist, Playlist.id == PlaylistMember.playlist_id)
        .join(User, User.id == Playlist.user_id)
        .where(PlaylistMember.user_id == listener_id, PlaylistMember.accepted_at.is_(None))
        .where(~are_parted(PlaylistMember.user_id, Playlist.user_id))
    )
    total = await db.scalar(select(func.count()).select_from(unanswered.subquery()))
    newest = unanswered.order_by(PlaylistMember.invited_at.desc(), Playlist.id.desc())
    found = await db.execute(newest.limit(limit).offset(offset))
    return [Invitation(*row) for row in found], total or 0


async def is_blocked_between(db: Reading, one: UserId, other: UserId) -> bool:
    """Whether either of the two has blocked the other."""
    return bool(await db.scalar(select(are_parted(one, other))))


async def add(db: Writing, member: PlaylistMember) -> None:
    """Keep an invitation."""
    db.add(member)
    await db.flush()


async def accept(db: Writing, playlist_id: PlaylistId, listener_id: UserId, now: datetime) -> None:
    """Let someone who is invited be a member."""
    await db.execute(_of(playlist_id, listener_id).values(accepted_at=now))


async def change(db: Writing, playlist_id: PlaylistId, listener_id: UserId, role: str) -> None:
    """Let someone have another role."""
    await db.execute(_of(playlist_id, listener_id).values(role=role))


def _of(playlist_id: PlaylistId, listener_id: UserId) -> Update:
    # No flush of an object: where the account goes at this moment, there is nothing to change, and nothing wrong.
    return update(PlaylistMember).where(
        PlaylistMember.playlist_id == playlist_id, PlaylistMember.user_id == listener_id
    )


async def remove(db: Writing, playlist_id: PlaylistId, listener_id: UserId) -> bool:
    """Let someone be a member or invited no more; whether they were."""
    gone = (
        delete(PlaylistMember)
        .where(PlaylistMember.playlist_id == playlist_id, PlaylistMember.user_id == listener_id)
        .returning(PlaylistMember.user_id)
    )
    return await db.scalar(gone) is not None
