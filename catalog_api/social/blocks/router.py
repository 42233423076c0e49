"""Blocks over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.social.blocks.service import Blocking, Blocks
from catalog_api.social.errors import NotYourself
from catalog_api.social.follows.router import WritingFollows
from catalog_api.social.schemas import ListenerSince
from foundation.http.inputs import Id
from foundation.http.pages import Cursors, Stretch
from foundation.http.principal import Listener
from foundation.http.problems import problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.ids import UserId

router = APIRouter(tags=["social"], route_class=Route)


async def _blocking(db: Writes, following: WritingFollows, request: Request) -> Blocking:
    return Blocking(db, following, request.app.state.now)


WritingBlocks = Annotated[Blocking, Depends(_blocking)]


@router.get("/me/blocks")
async def blocks(listener: Listener, db: Reads, cursor: Cursors) -> Stretch[ListenerSince]:
    """The listeners whom you block, the newest first."""
    return await Blocks(db).of(listener.user_id, cursor)


@router.put("/me/blocks/{user_id}", status_code=204, responses=dict(problems(ListenerNotFound, NotYourself)))
async def block(user_id: Id, listener: Listener, blocking: WritingBlocks) -> None:
    """Have nothing to do with a listener any more: neither of you follows, sends to or sees the other.

    A playlist that you make together stays one until one of you leaves it.
    """
    await blocking.block(listener.user_id, UserId(user_id))


@router.delete("/me/blocks/{user_id}", status_code=204, responses=dict(problems(ListenerNotFound)))
async def unblock(user_id: Id, listener: Listener, blocking: WritingBlocks) -> None:
    """Block a listener no more; the follows of before do not come back."""
    await blocking.unblock(listener.user_id, UserId(user_id))
