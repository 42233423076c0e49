"""Playlists over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.playlists.access import may_read
from catalog_api.playlists.errors import PlaylistChanged, PlaylistNotFound, SongsNotFound
from catalog_api.playlists.headers import IfMatch, name_version
from catalog_api.playlists.jspf.router import router as jspf
from catalog_api.playlists.links.router import router as links
from catalog_api.playlists.members.router import router as members
from catalog_api.playlists.order.router import router as order
from catalog_api.playlists.schemas import (
    CopyNew,
    PlaylistChange,
    PlaylistNew,
    PlaylistOut,
    PlaylistPut,
    PlaylistSongOut,
    SummaryOut,
)
from catalog_api.playlists.service import Playlists, WritingPlaylists
from catalog_api.playlists.telling import encoded
from catalog_api.social.activities.service import Activities
from catalog_api.songs.keys import PLAYLIST
from foundation.engines.postgres import Postgres
from foundation.errors import Unreachable
from foundation.http.hot import HotRouter
from foundation.http.inputs import Id
from foundation.http.pages import Offsets, Page
from foundation.http.principal import Anyone, Listener, MissingToken, NotAllowed
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.ids import PlaylistId, UserId
from foundation.security import InvalidToken

router = APIRouter(tags=["playlists"], route_class=Route)
hot = HotRouter(prefix="/playlists", tags=["playlists"])

KNOWN = (InvalidRequest, MissingToken, InvalidToken, Unreachable)
OWNED = (*KNOWN, NotAllowed, PlaylistNotFound, PlaylistChanged)


async def _writing(db: Writes, request: Request) -> WritingPlaylists:
    state = request.app.state
    return WritingPlaylists(db, state.cache, Activities(db, state.redis, state.now), state.now)


Writing = Annotated[WritingPlaylists, Depends(_writing)]


@hot.get("/{playlist_id}", PlaylistOut, PLAYLIST, PlaylistNotFound, Unreachable, may_read=may_read)
async def playlist(postgres: Postgres, playlist_id: int) -> bytes | None:
    """A playlist with its first hundred songs; a private one is not found but by its owner and members."""
    async with postgres.reading() as db:
        return await encoded(db, PlaylistId(playlist_id))


@router.post("/playlists", status_code=201, responses=dict(problems(*KNOWN, SongsNotFound, ListenerNotFound)))
async def make_playlist(
    new: PlaylistNew, asking: Listener, playlists: Writing, response: Response
) -> PlaylistOut:
    """Make a playlist, private unless it says otherwise."""
    made = await playlists.make(asking.user_id, new)
    response.headers["Location"] = f"/api/v1/playlists/{made.playlist_id}"
    name_version(response, made.version)
    return made


@router.put("/playlists/{playlist_id}", responses=dict(problems(*OWNED)))
async def replace_playlist(
    playlist_id: Id,
    said: PlaylistPut,
    asking: Listener,
    playlists: Writing,
    response: Response,
    if_match: IfMatch = None,
) -> PlaylistOut:
    """Say anew what a playlist of yours is called and who may see it; its songs stay."""
    told = said.model_dump()
    changed = await playlists.change(asking.user_id, PlaylistId(playlist_id), told, if_match)
    name_version(response, changed.version)
    return changed


@router.patch("/playlists/{playlist_id}", responses=dict(problems(*OWNED)))
async def change_playlist(
    playlist_id: Id,
    said: PlaylistChange,
    asking: Listener,
    playlists: Writing,
    response: Response,
    if_match: IfMatch = None,
) -> PlaylistOut:
    """Change some of what is said about a playlist of yours; what is left out stays as it is."""
    changed = await playlists.change(asking.user_id, PlaylistId(playlist_id), said.told(), if_match)
    name_version(response, changed.version)
    return changed


@router.delete("/playlists/{playlist_id}", status_code=204, responses=dict(problems(*OWNED)))
async def delete_playlist(
    playlist_id: Id, asking: Listener, playlists: Writing, if_match: IfMatch = None
) -> None:
    """Remove a playlist of yours, with its members and links."""
    await playlists.delete(asking.user_id, PlaylistId(playlist_id), if_match)


@router.post(
    "/playlists/{playlist_id}/copy",
    status_code=201,
    responses=dict(problems(*KNOWN, PlaylistNotFound, ListenerNotFound)),
)
async def copy_playlist(
    playlist_id: Id, asking: Listener, playlists: Writing, response: Response, new: CopyNew | None = None
) -> PlaylistOut:
    """Make a private playlist of your own with the songs of one that you may read."""
    made = await playlists.copy(asking.user_id, PlaylistId(playlist_id), new or CopyNew())
    response.headers["Location"] = f"/api/v1/playlists/{made.playlist_id}"
    name_version(response, made.version)
    return made


@router.get(
    "/playlists/{playlist_id}/songs",
    responses=dict(problems(InvalidRequest, InvalidToken, PlaylistNotFound, Unreachable)),
)
async def playlist_songs(playlist_id: Id, asking: Anyone, page: Offsets, db: Reads) -> Page[PlaylistSongOut]:
    """The songs of a playlist in their order."""
    reader = None if asking is None else asking.user_id
    return await Playlists(db).songs(reader, PlaylistId(playlist_id), page)


@router.get("/me/playlists", responses=dict(problems(*KNOWN)))
async def my_playlists(asking: Listener, page: Offsets, db: Reads) -> Page[SummaryOut]:
    """The playlists that are yours, and those you are a member of; the newest first."""
    return await Playlists(db).of_listener(asking.user_id, page)


@router.get(
    "/users/{user_id}/playlists", responses=dict(problems(InvalidRequest, ListenerNotFound, Unreachable))
)
async def public_playlists(user_id: Id, page: Offsets, db: Reads) -> Page[SummaryOut]:
    """The public playlists of a listener, the newest first."""
    return await Playlists(db).public_of(UserId(user_id), page)


for part in (order, members, links, jspf):
    router.include_router(part)
