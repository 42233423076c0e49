"""Account data over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from catalog_api.account_data.errors import DeletionNotFound, PasswordNeeded
from catalog_api.account_data.export import Export, pieces_of
from catalog_api.account_data.schemas import DeletionIn, DeletionOut, ReceiptOut
from catalog_api.account_data.service import Confirming, Deleting, Deletions
from catalog_api.auth.errors import SigningInBusy, TooManyFailures, WrongPassword
from catalog_api.auth.guesses import Guesses
from catalog_api.auth.passwords import Passwords
from catalog_api.auth.router import guesses, passwords, revoking_in
from catalog_api.listeners.errors import ListenerNotFound
from foundation.errors import NoRoom, Unreachable
from foundation.http.app import PREFIX
from foundation.http.identity import address_of
from foundation.http.principal import Listener, MissingToken
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.security import InvalidToken

router = APIRouter(tags=["account data"], route_class=Route)


class Zip(StreamingResponse):
    """A zip, as it comes from the disk."""

    media_type = "application/zip"


async def deleting(db: Writes, request: Request) -> Deleting:
    """Deleting in this request's transaction."""
    state = request.app.state
    return Deleting(db, revoking_in(state, db), state.cache, state.now)


async def confirmed(
    request: Request,
    listener: Listener,
    passwords: Annotated[Passwords, Depends(passwords)],
    guesses: Annotated[Guesses, Depends(guesses)],
    told: Annotated[DeletionIn | None, Body(description="Needed where the account has a password.")] = None,
) -> str | None:
    """The digest of the password that was checked, of an account that has one."""
    password = None if told is None else told.password.get_secret_value()
    confirming = Confirming(request.app.state.postgres, passwords, guesses)
    return await confirming.confirmed(listener.user_id, password, address_of(request.scope))


@router.get(
    "/me/export",
    response_class=Zip,
    responses=dict(problems(MissingToken, InvalidToken, ListenerNotFound, Unreachable, NoRoom)),
)
async def export(request: Request, listener: Listener) -> Response:
    """Everything that is kept of you, as a zip of JSON and CSV; its README.txt says what each file is."""
    state = request.app.state
    at = state.now()
    file = await Export(state.postgres, state.kept_elsewhere).of(listener.user_id, at)
    size = file.seek(0, 2)
    file.seek(0)
    headers = {
        "content-disposition": f'attachment; filename="segue-{listener.user_id}-{at:%Y-%m-%d}.zip"',
        "content-length": str(size),
        "cache-control": "private, no-store",
    }
    return Zip(pieces_of(file), headers=headers, background=BackgroundTask(file.close))


@router.delete(
    "/me",
    status_code=202,
    responses=dict(
        problems(
            MissingToken,
            InvalidToken,
            PasswordNeeded,
            WrongPassword,
            ListenerNotFound,
            InvalidRequest,
            TooManyFailures,
            Unreachable,
            SigningInBusy,
        )
    ),
)
async def delete(
    response: Response,
    listener: Listener,
    confirmed: Annotated[str | None, Depends(confirmed)],  # before the session: hashing takes a while
    deleting: Annotated[Deleting, Depends(deleting)],
) -> DeletionOut:
    """Delete your account with all that is kept of it, in every store, within a minute; the music you own goes too.

    Your tokens end at once. What others made stays, and so do counts that name nobody.
    """
    deletion_id = await deleting.delete(listener.user_id, confirmed)
    receipt_url = response.headers["location"] = f"{PREFIX}/deletions/{deletion_id}"
    return DeletionOut(deletion_id=deletion_id, receipt_url=receipt_url)


@router.get(
    "/deletions/{deletion_id}", responses=dict(problems(DeletionNotFound, InvalidRequest, Unreachable))
)
async def receipt(deletion_id: UUID, db: Reads) -> ReceiptOut:
    """The receipt of a deleted account: what has been removed so far, in numbers; `finished_at` is set when all has."""
    return await Deletions(db).receipt(deletion_id)
