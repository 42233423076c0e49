"""Opinions over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from catalog_api.artists.errors import ArtistNotFound
from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.social.activities.router import NotingActivities
from catalog_api.social.opinions.service import Opinions, Saying
from catalog_api.social.schemas import ArtistSince, SongSince
from catalog_api.songs.errors import SongNotFound
from foundation.http.inputs import Id
from foundation.http.pages import Cursors, Stretch
from foundation.http.principal import Listener
from foundation.http.problems import problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes

router = APIRouter(tags=["social"], route_class=Route)


async def _saying(db: Writes, activities: NotingActivities) -> Saying:
    return Saying(db, activities)


async def _opinions(db: Reads) -> Opinions:
    return Opinions(db)


WritingOpinions = Annotated[Saying, Depends(_saying)]
ReadingOpinions = Annotated[Opinions, Depends(_opinions)]

_of_a_song = dict(problems(ListenerNotFound, SongNotFound))
_of_an_artist = dict(problems(ListenerNotFound, ArtistNotFound))
_of_nothing = dict(problems(ListenerNotFound))


@router.get("/me/loves/songs")
async def loved_songs(listener: Listener, opinions: ReadingOpinions, cursor: Cursors) -> Stretch[SongSince]:
    """The songs that you love, the newest first."""
    return await opinions.songs(listener.user_id, "love", cursor)


@router.put("/me/loves/songs/{song_id}", status_code=204, responses=_of_a_song)
async def love_song(song_id: Id, listener: Listener, opinions: WritingOpinions) -> None:
    """Love a song; if you hid it, you do no more."""
    await opinions.say(listener.user_id, "song", song_id, "love")


@router.delete("/me/loves/songs/{song_id}", status_code=204, responses=_of_nothing)
async def love_song_no_more(song_id: Id, listener: Listener, opinions: WritingOpinions) -> None:
    """Love a song no more."""
    await opinions.withdraw(listener.user_id, "song", song_id, "love")


@router.get("/me/loves/artists")
async def loved_artists(
    listener: Listener, opinions: ReadingOpinions, cursor: Cursors
) -> Stretch[ArtistSince]:
    """The artists whom you love, the newest first."""
    return await opinions.artists(listener.user_id, "love", cursor)


@router.put("/me/loves/artists/{artist_id}", status_code=204, responses=_of_an_artist)
async def love_artist(artist_id: Id, listener: Listener, opinions: WritingOpinions) -> None:
    """Love an artist; if you hid them, you do no more."""
    await opinions.say(listener.user_id, "artist", artist_id, "love")


@router.delete("/me/loves/artists/{artist_id}", status_code=204, responses=_of_nothing)
async def love_artist_no_more(artist_id: Id, listener: Listener, opinions: WritingOpinions) -> None:
    """Love an artist no more."""
    await opinions.withdraw(listener.user_id, "artist", artist_id, "love")


@router.get("/me/hides/songs")
async def hidden_songs(listener: Listener, opinions: ReadingOpinions, cursor: Cursors) -> Stretch[SongSince]:
    """The songs that you never want to be given, the newest first."""
    return await opinions.songs(listener.user_id, "hide", cursor)


@router.put("/me/hides/songs/{song_id}", status_code=204, responses=_of_a_song)
async def hide_song(song_id: Id, listener: Listener, opinions: WritingOpinions) -> None:
    """Hide a song from what you are given; if you loved it, you do no more."""
    await opinions.say(listener.user_id, "song", song_id, "hide")


@router.delete("/me/hides/songs/{song_id}", status_code=204, responses=_of_nothing)
async def hide_song_no_more(song_id: Id, listener: Listener, opinions: WritingOpinions) -> None:
    """Hide a song no more."""
    await opinions.withdraw(listener.user_id, "song", song_id, "hide")


@router.get("/me/hides/artists")
async def hidden_artists(
    listener: Listener, opinions: ReadingOpinions, cursor: Cursors
) -> Stretch[ArtistSince]:
    """The artists of whom you never want to be given anything, the newest first."""
    return await opinions.artists(listener.user_id, "hide", cursor)


@router.put("/me/hides/artists/{artist_id}", status_code=204, responses=_of_an_artist)
async def hide_artist(artist_id: Id, listener: Listener, opinions: WritingOpinions) -> None:
    """Hide an artist from what you are given; if you loved them, you do no more."""
    await opinions.say(listener.user_id, "artist", artist_id, "hide")


@router.delete("/me/hides/artists/{artist_id}", status_code=204, responses=_of_nothing)
async def hide_artist_no_more(artist_id: Id, listener: Listener, opinions: WritingOpinions) -> None:
    """Hide an artist no more."""
    await opinions.withdraw(listener.user_id, "artist", artist_id, "hide")
