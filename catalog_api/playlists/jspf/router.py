"""Playlists as documents over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.playlists.errors import PlaylistNotFound
from catalog_api.playlists.headers import name_version
from catalog_api.playlists.jspf.schemas import (
    DOCUMENT,
    DOCUMENT_SCHEMA,
    DocumentIn,
    DocumentOut,
    ImportedOut,
)
from catalog_api.playlists.jspf.service import Documents, Imports
from catalog_api.playlists.service import WritingPlaylists
from catalog_api.social.activities.service import Activities
from foundation.errors import Unreachable
from foundation.http.door import RequestTooLarge
from foundation.http.inputs import Id
from foundation.http.principal import Anyone, Listener, MissingToken
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.ids import PlaylistId
from foundation.security import InvalidToken

router = APIRouter(prefix="/playlists", tags=["playlists"], route_class=Route)
BIGGEST = 1024 * 1024  # bytes of a document
ERRORS_TOLD = 20


class Jspf(JSONResponse):
    """An answer that players know by its type."""

    media_type = "application/jspf+json"


async def _document(request: Request) -> DocumentIn:
    """The body, parsed by what refuses depth and size, whatever type it says it is of."""
    body = await request.body()
    if len(body) > BIGGEST:
        raise RequestTooLarge(BIGGEST)
    try:
        return DocumentIn.model_validate_json(body)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[:ERRORS_TOLD]
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in wrong]) from error


async def _imports(db: Writes, request: Request) -> Imports:
    state = request.app.state
    activities = Activities(db, state.redis, state.now)
    return Imports(WritingPlaylists(db, state.cache, activities, state.now))


@router.get(
    "/{playlist_id}/jspf",
    response_class=Jspf,
    responses=dict(problems(InvalidRequest, InvalidToken, PlaylistNotFound, Unreachable)),
)
async def export_playlist(playlist_id: Id, asking: Anyone, db: Reads, response: Response) -> DocumentOut:
    """A playlist as a JSPF document, with all its songs."""
    reader = None if asking is None else asking.user_id
    document = await Documents(db).of_playlist(reader, PlaylistId(playlist_id))
    response.headers["Content-Disposition"] = f'attachment; filename="playlist-{playlist_id}.jspf"'
    return document


@router.post(
    "/import",
    status_code=201,
    responses=dict(
        problems(InvalidRequest, MissingToken, InvalidToken, ListenerNotFound, RequestTooLarge, Unreachable)
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                media_type: {"schema": DOCUMENT_SCHEMA, "example": DOCUMENT}
                for media_type in ("application/json", Jspf.media_type)
            },
        }
    },
)
async def import_playlist(
    asking: Listener,
    document: Annotated[DocumentIn, Depends(_document)],
    imports: Annotated[Imports, Depends(_imports)],
    response: Response,
) -> ImportedOut:
    """Make a private playlist of a JSPF document: of each track the song that its URIs name, or its title and creator."""
    imported = await imports.take(asking.user_id, document)
    response.headers["Location"] = f"/api/v1/playlists/{imported.playlist.playlist_id}"
    name_version(response, imported.playlist.version)
    return imported
