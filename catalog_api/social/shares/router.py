"""Shared songs over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.social.errors import NotYourFollower, ShareNotFound
from catalog_api.social.shares.schemas import InboxOut, ShareIn, ShareOut
from catalog_api.social.shares.service import Sending, Shares
from catalog_api.songs.errors import SongNotFound
from foundation.http.inputs import Id
from foundation.http.pages import Cursors, Stretch
from foundation.http.principal import Listener
from foundation.http.problems import problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes

router = APIRouter(tags=["social"], route_class=Route)


async def _sending(db: Writes, request: Request) -> Sending:
    return Sending(db, request.app.state.now)


WritingShares = Annotated[Sending, Depends(_sending)]


@router.post(
    "/me/shares",
    status_code=201,
    responses=dict(problems(NotYourFollower, ListenerNotFound, SongNotFound)),
)
async def share(told: ShareIn, listener: Listener, sending: WritingShares) -> ShareOut:
    """Send a song to a listener who follows you."""
    return await sending.send(listener.user_id, told)


@router.get("/me/shares")
async def shares(listener: Listener, db: Reads, cursor: Cursors) -> Stretch[ShareOut]:
    """The songs that you sent, the newest first."""
    return await Shares(db).sent(listener.user_id, cursor)


@router.get("/me/inbox")
async def inbox(listener: Listener, db: Reads, cursor: Cursors) -> Stretch[InboxOut]:
    """The songs that were sent to you, the newest first."""
    return await Shares(db).inbox(listener.user_id, cursor)


@router.post("/me/inbox/{share_id}/seen", status_code=204, responses=dict(problems(ShareNotFound)))
async def see(share_id: Id, listener: Listener, sending: WritingShares) -> None:
    """Say that you saw a song that was sent to you; saying it again changes nothing."""
    await sending.see(listener.user_id, share_id)
