"""Share links over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request

from catalog_api.playlists.errors import LinkNotFound, PlaylistNotFound, TooManyLinks
from catalog_api.playlists.links.schemas import LinkMade, LinkNew, LinkOut, SharedOut
from catalog_api.playlists.links.service import Links, WritingLinks
from catalog_api.playlists.schemas import PlaylistSongOut
from foundation.errors import Unreachable
from foundation.http.inputs import Id
from foundation.http.pages import Offsets, Page
from foundation.http.principal import Listener, MissingToken, NotAllowed
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.ids import PlaylistId
from foundation.security import InvalidToken

router = APIRouter(tags=["playlists"], route_class=Route)
LINKS = "/playlists/{playlist_id}/links"
OWNED = (InvalidRequest, MissingToken, InvalidToken, NotAllowed, PlaylistNotFound, Unreachable)
SHARED = (InvalidRequest, LinkNotFound, Unreachable)
Token = Annotated[str, Path(min_length=1, max_length=200)]


async def _reading(db: Reads, request: Request) -> Links:
    return Links(db, request.app.state.now)


async def _writing(db: Writes, request: Request) -> WritingLinks:
    return WritingLinks(db, request.app.state.now)


Reading = Annotated[Links, Depends(_reading)]
Writing = Annotated[WritingLinks, Depends(_writing)]


@router.get(LINKS, responses=dict(problems(*OWNED)))
async def share_links(playlist_id: Id, asking: Listener, page: Offsets, links: Reading) -> Page[LinkOut]:
    """The links of a playlist of yours that hold, the newest first."""
    return await links.of_playlist(asking.user_id, PlaylistId(playlist_id), page)


@router.post(LINKS, status_code=201, responses=dict(problems(*OWNED, TooManyLinks)))
async def make_share_link(
    playlist_id: Id, asking: Listener, links: Writing, new: LinkNew | None = None
) -> LinkMade:
    """Make a link by which anyone reads a playlist of yours, without an account; its token is told this once."""
    days = (new or LinkNew()).expires_in_days
    return await links.make(asking.user_id, PlaylistId(playlist_id), days)


@router.delete(f"{LINKS}/{{link_id}}", status_code=204, responses=dict(problems(*OWNED, LinkNotFound)))
async def revoke_share_link(playlist_id: Id, link_id: UUID, asking: Listener, links: Writing) -> None:
    """Let a link hold no longer."""
    await links.revoke(asking.user_id, PlaylistId(playlist_id), link_id)


@router.get("/shared/{token}", responses=dict(problems(*SHARED)))
async def shared_playlist(token: Token, links: Reading) -> SharedOut:
    """The playlist of a link, as long as it holds; no account is needed."""
    return await links.shared(token)


@router.get("/shared/{token}/songs", responses=dict(problems(*SHARED)))
async def shared_songs(token: Token, page: Offsets, links: Reading) -> Page[PlaylistSongOut]:
    """The songs of a shared playlist in their order."""
    return await links.songs(token, page)
