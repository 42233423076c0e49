"""Listening history over HTTP."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from catalog_api.history.errors import ListenNotFound
from catalog_api.history.export import HistoryExport
from catalog_api.history.schemas import HeardOut, Moment
from catalog_api.history.service import History, HistoryEditor
from foundation.errors import Unreachable
from foundation.http.pages import Cursors, Stretch
from foundation.http.principal import Listener, MissingToken
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.security import InvalidToken

router = APIRouter(prefix="/me/history", tags=["history"], route_class=Route)


class JsonLines(StreamingResponse):
    """JSON with one object a line."""

    media_type = "application/x-ndjson"


async def _history(db: Reads) -> History:
    return History(db)


async def _editor(db: Writes, request: Request) -> HistoryEditor:
    return HistoryEditor(db, request.app.state.now)


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


@router.delete(
    "/{play_id}",
    status_code=204,
    responses=dict(problems(MissingToken, InvalidToken, InvalidRequest, ListenNotFound, Unreachable)),
)
async def remove_listen(
    play_id: UUID, listener: Listener, history: Annotated[HistoryEditor, Depends(_editor)]
) -> None:
    """Take a listen out of your history: from now on it counts nowhere, neither for the song nor for your taste."""
    await history.remove(listener.user_id, play_id)


@router.get(
    "/export",
    response_class=JsonLines,
    responses=dict(problems(MissingToken, InvalidToken, Unreachable)),
)
async def export(request: Request, listener: Listener) -> Response:
    """Your whole history as ListenBrainz takes it, a listen a line, the oldest first; plays of a private session are not in it.

    `./segue import` reads it, and so finds the same plays with the same ids. Listens to songs that the catalog has no more
    are left out.
    """
    state = request.app.state
    at = state.now()
    pieces = HistoryExport(state.postgres).pieces_of(listener.user_id, at)
    first = await anext(pieces, b"")  # so that a store which is away is told as a status
    headers = {
        "content-disposition": f'attachment; filename="segue-history-{listener.user_id}-{at:%Y-%m-%d}.jsonl"',
        "cache-control": "private, no-store",
    }
    return JsonLines(_all_of(first, pieces), headers=headers)


async def _all_of(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
