"""The songs of a playlist over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from catalog_api.playlists.errors import (
    MoveIntoItself,
    PlaylistChanged,
    PlaylistFull,
    PlaylistNotFound,
    SongNotInPlaylist,
    SongsNotFound,
)
from catalog_api.playlists.headers import IfMatch, name_version
from catalog_api.playlists.order.schemas import EditOut, Move, SongNew, SongsNew
from catalog_api.playlists.order.service import Order
from foundation.errors import Unreachable
from foundation.http.inputs import Id
from foundation.http.principal import Listener, MissingToken, NotAllowed
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Writes
from foundation.ids import PlaylistId, SongId
from foundation.security import InvalidToken

router = APIRouter(prefix="/playlists/{playlist_id}/songs", tags=["playlists"], route_class=Route)

EDITED = (
    InvalidRequest,
    MissingToken,
    InvalidToken,
    NotAllowed,
    PlaylistNotFound,
    PlaylistChanged,
    Unreachable,
)


async def _order(db: Writes, request: Request) -> Order:
    return Order(db, request.app.state.cache, request.app.state.now)


Editing = Annotated[Order, Depends(_order)]


@router.post("", responses=dict(problems(*EDITED, SongsNotFound, PlaylistFull)))
async def add_songs(
    playlist_id: Id,
    new: SongNew | SongsNew,
    asking: Listener,
    order: Editing,
    response: Response,
    if_match: IfMatch = None,
) -> EditOut:
    """Add one song or several; those that are on the playlist stay where they are.

    Where all are on it already, nothing changes and the version stays.
    """
    songs = [SongId(song) for song in (new.song_ids if isinstance(new, SongsNew) else [new.song_id])]
    edited = await order.add(asking.user_id, PlaylistId(playlist_id), songs, new.position, if_match)
    name_version(response, edited.version)
    return edited


@router.delete("/{song_id}", responses=dict(problems(*EDITED, SongNotInPlaylist)))
async def remove_song(
    playlist_id: Id,
    song_id: Id,
    asking: Listener,
    order: Editing,
    response: Response,
    if_match: IfMatch = None,
) -> EditOut:
    """Take a song off the playlist."""
    edited = await order.remove(asking.user_id, PlaylistId(playlist_id), SongId(song_id), if_match)
    name_version(response, edited.version)
    return edited


@router.post("/{song_id}/move", responses=dict(problems(*EDITED, SongNotInPlaylist, MoveIntoItself)))
async def move_song(
    playlist_id: Id,
    song_id: Id,
    move: Move,
    asking: Listener,
    order: Editing,
    response: Response,
    if_match: IfMatch = None,
) -> EditOut:
    """Let a song stand elsewhere: at a position, or before or behind another song."""
    edited = await order.move(asking.user_id, PlaylistId(playlist_id), SongId(song_id), move, if_match)
    name_version(response, edited.version)
    return edited
