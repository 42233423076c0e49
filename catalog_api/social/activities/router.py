"""Activities over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.social.activities.schemas import ActivityOut, FeedOut
from catalog_api.social.activities.service import Activities, Feeds
from foundation.http.inputs import Id
from foundation.http.pages import Cursors, Stretch
from foundation.http.principal import Listener
from foundation.http.problems import problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.ids import UserId

router = APIRouter(tags=["social"], route_class=Route)


async def _feeds(db: Reads, request: Request) -> Feeds:
    return Feeds(db, request.app.state.redis)


async def _activities(db: Writes, request: Request) -> Activities:
    return Activities(db, request.app.state.redis, request.app.state.now)


NotingActivities = Annotated[Activities, Depends(_activities)]
ReadingFeeds = Annotated[Feeds, Depends(_feeds)]


@router.get("/me/feed")
async def feed(
    listener: Listener, feeds: ReadingFeeds, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> FeedOut:
    """What those whom you follow did, the newest first."""
    return FeedOut(results=await feeds.newest(listener.user_id, limit))


@router.get("/users/{user_id}/activities", responses=dict(problems(ListenerNotFound)))
async def activities(
    user_id: Id, listener: Listener, feeds: ReadingFeeds, cursor: Cursors
) -> Stretch[ActivityOut]:
    """What one listener did, the newest first: what they followed, loved and made."""
    return await feeds.of(listener.user_id, UserId(user_id), cursor)
