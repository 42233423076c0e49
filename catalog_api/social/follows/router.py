"""Follows over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from catalog_api.artists.errors import ArtistNotFound
from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.social.activities.router import NotingActivities
from catalog_api.social.errors import BlockedByYou, NotYourself
from catalog_api.social.follows.service import Following, Follows
from catalog_api.social.schemas import ArtistSince, ListenerSince
from foundation.http.inputs import Id
from foundation.http.pages import Cursors, Stretch
from foundation.http.principal import Listener
from foundation.http.problems import problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.ids import ArtistId, UserId

router = APIRouter(tags=["social"], route_class=Route)


async def _following(db: Writes, activities: NotingActivities) -> Following:
    return Following(db, activities)


async def _follows(db: Reads) -> Follows:
    return Follows(db)


WritingFollows = Annotated[Following, Depends(_following)]
ReadingFollows = Annotated[Follows, Depends(_follows)]


@router.get("/me/following/listeners")
async def followed_listeners(
    listener: Listener, follows: ReadingFollows, cursor: Cursors
) -> Stretch[ListenerSince]:
    """The listeners whom you follow, the newest first."""
    return await follows.followed(listener.user_id, listener.user_id, cursor)


@router.get("/me/following/artists")
async def followed_artists(
    listener: Listener, follows: ReadingFollows, cursor: Cursors
) -> Stretch[ArtistSince]:
    """The artists whom you follow, the newest first."""
    return await follows.artists(listener.user_id, cursor)


@router.put(
    "/me/following/listeners/{user_id}",
    status_code=204,
    responses=dict(problems(ListenerNotFound, NotYourself, BlockedByYou)),
)
async def follow_listener(user_id: Id, listener: Listener, follows: WritingFollows) -> None:
    """Follow a listener; who follows them already may say so again."""
    await follows.follow_listener(listener.user_id, UserId(user_id))


@router.delete(
    "/me/following/listeners/{user_id}", status_code=204, responses=dict(problems(ListenerNotFound))
)
async def unfollow_listener(user_id: Id, listener: Listener, follows: WritingFollows) -> None:
    """Follow a listener no more."""
    await follows.unfollow(listener.user_id, "listener", user_id)


@router.put(
    "/me/following/artists/{artist_id}",
    status_code=204,
    responses=dict(problems(ListenerNotFound, ArtistNotFound)),
)
async def follow_artist(artist_id: Id, listener: Listener, follows: WritingFollows) -> None:
    """Follow an artist; who follows them already may say so again."""
    await follows.follow_artist(listener.user_id, ArtistId(artist_id))


@router.delete(
    "/me/following/artists/{artist_id}", status_code=204, responses=dict(problems(ListenerNotFound))
)
async def unfollow_artist(artist_id: Id, listener: Listener, follows: WritingFollows) -> None:
    """Follow an artist no more."""
    await follows.unfollow(listener.user_id, "artist", artist_id)


@router.get("/users/{user_id}/followers", responses=dict(problems(ListenerNotFound)))
async def followers(
    user_id: Id, listener: Listener, follows: ReadingFollows, cursor: Cursors
) -> Stretch[ListenerSince]:
    """The listeners who follow this one, the newest first."""
    return await follows.followers(listener.user_id, UserId(user_id), cursor)


@router.get("/users/{user_id}/following", responses=dict(problems(ListenerNotFound)))
async def following(
    user_id: Id, listener: Listener, follows: ReadingFollows, cursor: Cursors
) -> Stretch[ListenerSince]:
    """The listeners whom this one follows, the newest first."""
    return await follows.followed(listener.user_id, UserId(user_id), cursor)
