"""The members of a playlist over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.playlists.errors import (
    AlreadyMember,
    InvitationRefused,
    MemberNotFound,
    PlaylistNotFound,
    TooManyMembers,
)
from catalog_api.playlists.members.schemas import InvitationOut, MemberChange, MemberNew, MemberOut
from catalog_api.playlists.members.service import Members, WritingMembers
from foundation.errors import Unreachable
from foundation.http.inputs import Id
from foundation.http.pages import Offsets, Page
from foundation.http.principal import Listener, MissingToken, NotAllowed
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.ids import PlaylistId, UserId
from foundation.security import InvalidToken

router = APIRouter(tags=["playlists"], route_class=Route)
MEMBERS = "/playlists/{playlist_id}/members"
KNOWN = (InvalidRequest, MissingToken, InvalidToken, Unreachable)
SEEN = (*KNOWN, NotAllowed, PlaylistNotFound)


async def _writing(db: Writes, request: Request) -> WritingMembers:
    return WritingMembers(db, request.app.state.cache, request.app.state.now)


Writing = Annotated[WritingMembers, Depends(_writing)]


@router.get(MEMBERS, responses=dict(problems(*SEEN)))
async def playlist_members(playlist_id: Id, asking: Listener, page: Offsets, db: Reads) -> Page[MemberOut]:
    """Who makes a playlist together with its owner, and who is invited to; for themselves and the owner."""
    return await Members(db).of_playlist(asking.user_id, PlaylistId(playlist_id), page)


@router.post(
    MEMBERS,
    status_code=201,
    responses=dict(problems(*SEEN, InvitationRefused, ListenerNotFound, AlreadyMember, TooManyMembers)),
)
async def invite_member(playlist_id: Id, new: MemberNew, asking: Listener, members: Writing) -> MemberOut:
    """Invite a listener to a playlist of yours."""
    return await members.invite(asking.user_id, PlaylistId(playlist_id), UserId(new.user_id), new.role)


@router.post(f"{MEMBERS}/accept", responses=dict(problems(*KNOWN, MemberNotFound)))
async def accept_invitation(playlist_id: Id, asking: Listener, members: Writing) -> MemberOut:
    """Accept an invitation; accepted again, nothing changes."""
    return await members.accept(asking.user_id, PlaylistId(playlist_id))


@router.patch(f"{MEMBERS}/{{user_id}}", responses=dict(problems(*SEEN, MemberNotFound)))
async def change_member(
    playlist_id: Id, user_id: Id, change: MemberChange, asking: Listener, members: Writing
) -> MemberOut:
    """Give a member of your playlist another role."""
    return await members.change(asking.user_id, PlaylistId(playlist_id), UserId(user_id), change.role)


@router.delete(f"{MEMBERS}/{{user_id}}", status_code=204, responses=dict(problems(*SEEN, MemberNotFound)))
async def remove_member(playlist_id: Id, user_id: Id, asking: Listener, members: Writing) -> None:
    """Let a member of your playlist go; or leave, or decline an invitation, with your own id."""
    await members.remove(asking.user_id, PlaylistId(playlist_id), UserId(user_id))


@router.get("/me/invitations", responses=dict(problems(*KNOWN)))
async def my_invitations(asking: Listener, page: Offsets, db: Reads) -> Page[InvitationOut]:
    """The playlists you are invited to and have not answered, the newest invitation first."""
    return await Members(db).invitations(asking.user_id, page)
