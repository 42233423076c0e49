"""Albums over HTTP, and their covers."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from catalog_api.albums.covers import FORMATS, Covers, draw
from catalog_api.albums.errors import (
    AlbumNotEmpty,
    AlbumNotFound,
    CoverNotFound,
    CoverTypeUnknown,
    InvalidCover,
)
from catalog_api.albums.schemas import AlbumChange, AlbumEntry, AlbumIn, AlbumWithSongs
from catalog_api.albums.service import AlbumEditor, Albums
from catalog_api.external_ids.errors import ExternalIdTaken
from catalog_api.songs.errors import ArtistUnknown, NotTheOwner
from catalog_api.songs.keys import ALBUM
from catalog_api.songs.schemas import Reference
from foundation.engines.postgres import Postgres
from foundation.errors import Unreachable
from foundation.http.app import PREFIX
from foundation.http.door import RequestTooLarge
from foundation.http.hot import HotRouter
from foundation.http.idempotency import IdempotencyKeyReused
from foundation.http.inputs import Id
from foundation.http.pages import Offsets, Page
from foundation.http.principal import Anyone, Artist, MissingToken, NotAllowed
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.ids import AlbumId, ArtistId
from foundation.security import InvalidToken

router = APIRouter(tags=["albums"], route_class=Route)
hot = HotRouter(prefix="/albums", tags=["albums"])

WRITING = (MissingToken, InvalidToken, NotAllowed, NotTheOwner, InvalidRequest, Unreachable)
FOR_EVER = "public, max-age=31536000, immutable"
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


class CoverSize(IntEnum):
    """Pixels of a side."""

    LARGE = 640
    MEDIUM = 300
    SMALL = 64


async def editing(request: Request, db: Writes) -> AlbumEditor:
    """The albums, for a request that writes them."""
    state = request.app.state
    return AlbumEditor(db, state.cache, Covers(state.blobs), state.now)


async def uploaded(request: Request, asking: Artist) -> Mapping[int, bytes]:
    """The image of a body as a cover of each size, drawn before a session is opened. Raises CoverTypeUnknown, InvalidCover."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in FORMATS:
        raise CoverTypeUnknown(f"send the image itself, as one of {', '.join(FORMATS)}")
    return await draw(await request.body(), media_type)


Editing = Annotated[AlbumEditor, Depends(editing)]
Uploaded = Annotated[Mapping[int, bytes], Depends(uploaded)]


@hot.get("/{album_id}", AlbumWithSongs, ALBUM, AlbumNotFound, Unreachable)
async def album(postgres: Postgres, album_id: int) -> bytes | None:
    """An album with its songs in the order of their track numbers."""
    async with postgres.reading() as db:
        found = await Albums(db).find(AlbumId(album_id))
    return None if found is None else found.model_dump_json().encode()


@router.get("/albums", responses=dict(problems(InvalidToken, InvalidRequest, Unreachable)))
async def albums(
    asking: Anyone, db: Reads, part: Offsets, artist_id: Annotated[Reference | None, Query()] = None
) -> Page[AlbumEntry]:
    """Albums of an artist, the newest first, or of all. `total` is null where all would be counted."""
    return await Albums(db).page(None if artist_id is None else ArtistId(artist_id), part)


@router.post(
    "/albums",
    status_code=201,
    responses=dict(problems(*WRITING, ArtistUnknown, ExternalIdTaken, IdempotencyKeyReused)),
)
async def add_album(asking: Artist, told: AlbumIn, albums: Editing, response: Response) -> AlbumWithSongs:
    """Add an album to an artist whom you own. For artists and administrators."""
    added = await albums.add(asking, told)
    response.headers["Location"] = f"{PREFIX}/albums/{added.album_id}"
    return added


@router.patch("/albums/{album_id}", responses=dict(problems(*WRITING, AlbumNotFound, ExternalIdTaken)))
async def change_album(album_id: Id, asking: Artist, told: AlbumChange, albums: Editing) -> AlbumWithSongs:
    """Change what is told of an album; what is not sent stays. For its owner and administrators."""
    return await albums.change(asking, AlbumId(album_id), told)


@router.delete(
    "/albums/{album_id}", status_code=204, responses=dict(problems(*WRITING, AlbumNotFound, AlbumNotEmpty))
)
async def remove_album(album_id: Id, asking: Artist, albums: Editing) -> None:
    """Remove an album that has no songs. For its owner and administrators."""
    await albums.remove(asking, AlbumId(album_id))


@router.put(
    "/albums/{album_id}/cover",
    responses=dict(problems(*WRITING, AlbumNotFound, CoverTypeUnknown, InvalidCover, RequestTooLarge)),
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(FORMATS, _BINARY)}},
)
async def set_cover(album_id: Id, asking: Artist, drawn: Uploaded, albums: Editing) -> AlbumWithSongs:
    """Give an album its cover: an image of 64 to 6,000 pixels a side, which is cut square and drawn anew."""
    return await albums.show(asking, AlbumId(album_id), drawn)


@router.delete("/albums/{album_id}/cover", status_code=204, responses=dict(problems(*WRITING, AlbumNotFound)))
async def remove_cover(album_id: Id, asking: Artist, albums: Editing) -> None:
    """Take an album's cover away. For its owner and administrators."""
    await albums.hide(asking, AlbumId(album_id))


@router.get(
    "/covers/{key}/{size}.jpg",
    response_class=Response,
    responses={
        200: {"description": "The image.", "content": {"image/jpeg": _BINARY}},
        **problems(CoverNotFound, InvalidRequest, Unreachable),
    },
)
async def cover(
    request: Request, key: Annotated[str, Path(pattern="^[0-9a-f]{32}$")], size: CoverSize
) -> Response:
    """A cover as a square JPEG. What is at an address never changes, so it may be kept for ever."""
    image = await Covers(request.app.state.blobs).read(key, size)
    return Response(image, media_type="image/jpeg", headers={"Cache-Control": FOR_EVER})
