"""Imports of a listener's own history over HTTP."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import anyio
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator, StringConstraints

from catalog_api.history_imports.errors import HistoryImportNotFound, TooManyHistoryImports
from catalog_api.history_imports.files import Files
from catalog_api.history_imports.schemas import HistoryImportOut
from catalog_api.history_imports.service import HistoryImporting, HistoryImports, Sent
from catalog_api.imports.errors import NothingToImport
from catalog_api.imports.matching.matches import LOWEST, THRESHOLD
from catalog_api.imports.recognise import named_as_it_is
from catalog_api.listeners.errors import ListenerNotFound
from foundation.errors import NoRoom
from foundation.http.app import PREFIX
from foundation.http.door import RequestTooLarge
from foundation.http.inputs import storable
from foundation.http.pages import Cursors, Stretch
from foundation.http.principal import Listener
from foundation.http.problems import problems
from foundation.http.sessions import Reads, Writes
from foundation.http.upload import BODY, Uploaded, UploadRoute
from foundation.ids import new_id

router = APIRouter(prefix="/me/history", tags=["history"], route_class=UploadRoute)

FileName = Annotated[str, StringConstraints(max_length=200), AfterValidator(storable)]
"""Only its end is looked at, and that the listener knows it again."""


async def _sent(
    request: Request,
    asking: Listener,
    upload: Uploaded,
    name: Annotated[
        FileName, Query(description="What the file is called, where the body is the file itself.")
    ] = "",
) -> AsyncIterator[Sent]:
    """The file, kept before a session is opened; forgotten where the request fails. Raises NothingToImport."""
    called = await anyio.to_thread.run_sync(named_as_it_is, upload.name or name, upload.file)
    files = Files(request.app.state.blobs)
    sent = Sent(new_id(request.app.state.now()), called, upload.size, upload.digest)
    try:
        await files.keep(sent.import_id, upload.file)
        yield sent
    except BaseException:
        sent.is_taken = False
        raise
    finally:
        if not sent.is_taken:  # refused, or answered as the first time by its key
            with anyio.CancelScope(shield=True):
                await files.drop(sent.import_id)


async def _importing(db: Writes, request: Request) -> HistoryImporting:
    state = request.app.state
    return HistoryImporting(db, Files(state.blobs), state.now, state.settings.imports.waiting)


Importing = Annotated[HistoryImporting, Depends(_importing)]


@router.post(
    "/import",
    status_code=202,
    openapi_extra={"requestBody": BODY},
    responses=dict(
        problems(NothingToImport, ListenerNotFound, TooManyHistoryImports, RequestTooLarge, NoRoom)
    ),
)
async def begin_import(
    response: Response,
    listener: Listener,
    sent: Annotated[Sent, Depends(_sent, scope="function")],
    importing: Importing,
    *,
    preview: Annotated[bool, Query(description="Only tell what would be taken and matched.")] = False,
    threshold: Annotated[
        float, Query(ge=LOWEST, le=1, description="How alike names are that mean one song; 1: equal.")
    ] = THRESHOLD,
) -> HistoryImportOut:
    """Bring in your listening history from elsewhere, or preview that; sent again, a file adds nothing.

    It takes the extended and the account data of a streaming service (JSON, or the zip of it), CSV of Last.fm, JSON lines of
    ListenBrainz and JSPF with times, as the body or as `file` of a form. Its plays are yours, whomever it names. Only plays
    of songs that the catalog has are taken. The work is done behind: `location` tells how far it is.
    """
    begun = await importing.begin(listener.user_id, sent, is_preview=preview, threshold=threshold)
    response.headers["location"] = f"{PREFIX}/me/history/imports/{begun.import_id}"
    return begun


@router.get("/imports")
async def imports(listener: Listener, db: Reads, part: Cursors) -> Stretch[HistoryImportOut]:
    """The imports that you asked for, the newest first."""
    return await HistoryImports(db).newest_of(listener.user_id, part)


@router.get("/imports/{import_id}", responses=dict(problems(HistoryImportNotFound)))
async def import_status(import_id: UUID, listener: Listener, db: Reads) -> HistoryImportOut:
    """How far an import is; when it is done, what became of the rows, and the songs that the catalog does not have."""
    return await HistoryImports(db).of(listener.user_id, import_id)


@router.delete("/imports/{import_id}", status_code=204, responses=dict(problems(HistoryImportNotFound)))
async def remove_import(import_id: UUID, listener: Listener, importing: Importing) -> None:
    """Forget an import and its file, and cancel it where it is not over; what it has brought in already stays."""
    await importing.remove(listener.user_id, import_id)
