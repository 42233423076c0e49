"""Listening history over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from catalog_api.history.schemas import HeardOut, Moment
from catalog_api.history.service import History
from foundation.errors import Unreachable
from foundation.http.pages import Cursors, Stretch
from foundation.http.principal import Listener, MissingToken
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads
from foundation.security import InvalidToken

router = APIRouter(prefix="/me/history", tags=["history"], route_class=Route)


async def _history(db: Reads) -> History:
    return History(db)


@router.get("", responses=dict(problems(MissingToken, InvalidToken, InvalidRequest, Unreachable)))
async def history(
    listener: Listener,
    history: Annotated[History, Depends(_history)],
    part: Cursors,
    since: Annotated[
        Moment | None, Query(alias="from", description="Plays that began then or later.")
    ] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Plays that began before.")] = None,
) -> Stretch[HeardOut]:
    """What you listened to, newest first; plays of a private session are not in it."""
    return await history.newest_of(listener.user_id, part, since=since, until=until)
