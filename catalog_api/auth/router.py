"""Auth over HTTP: signing up and in, refreshing, and ending sessions."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import State

from catalog_api.accounts.errors import EmailTaken
from catalog_api.accounts.router import WritingAccounts
from catalog_api.accounts.schemas import AccountOut
from catalog_api.accounts.service import NewAccount
from catalog_api.auth.errors import (
    InvalidRefreshToken,
    NoSession,
    SessionNotFound,
    SigningInBusy,
    TooManyFailures,
    WeakPassword,
    WrongCredentials,
    WrongPassword,
)
from catalog_api.auth.guesses import Guesses
from catalog_api.auth.passwords import Passwords, refuse_weak
from catalog_api.auth.schemas import LoginIn, NewAccountIn, PasswordIn, RefreshTokenIn, SessionOut, TokensOut
from catalog_api.auth.service import EndingSessions, Sessions, SigningIn
from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.revocations.service import Revoking
from foundation.engines.postgres import Writing
from foundation.errors import Unreachable
from foundation.http.country import told_country
from foundation.http.idempotency import IdempotencyKeyReused
from foundation.http.identity import address_of
from foundation.http.pages import Offsets, Page
from foundation.http.principal import Listener, MissingToken
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.security import InvalidToken
from foundation.settings import Settings

router = APIRouter(prefix="/auth", tags=["auth"], route_class=Route)

LONGEST_DEVICE = 120  # characters of what a client calls itself


async def passwords(request: Request) -> Passwords:
    """The one place where this process hashes passwords: it opens nothing, so it is made when first wanted."""
    state, settings = request.app.state, request.app.state.settings
    if not hasattr(state, "passwords"):
        state.passwords = Passwords(settings.accounts)
    kept: Passwords = state.passwords
    return kept


async def guesses(request: Request) -> Guesses:
    """The count of wrong passwords, likewise."""
    state, settings = request.app.state, request.app.state.settings
    if not hasattr(state, "guesses"):
        accounts = settings.accounts
        state.guesses = Guesses(state.redis, state.now, accounts.failures, accounts.failure_window)
    kept: Guesses = state.guesses
    return kept


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who signs up, with the hash of their password."""

    told: NewAccountIn
    password_hash: str
    country: str


async def applicant(
    told: NewAccountIn, request: Request, passwords: Annotated[Passwords, Depends(passwords)]
) -> Applicant:
    """Hashes before the request takes a connection: an endpoint names it before its session. Raises WeakPassword."""
    password = told.password.get_secret_value()
    refuse_weak(password, told.email)
    country = edge_country(request) or told.country or ""  # the edge saw where they are
    return Applicant(told, await passwords.hashed(password), country)


def edge_country(request: Request) -> str:
    """The country that the edge in front of us tells, where one is trusted to; else ""."""
    settings: Settings = request.app.state.settings
    if not settings.http.country_header:
        return ""
    return told_country(request.headers.get(settings.http.country_header))


async def signing_in(
    request: Request,
    passwords: Annotated[Passwords, Depends(passwords)],
    guesses: Annotated[Guesses, Depends(guesses)],
) -> SigningIn:
    """Signing in, with transactions of its own."""
    state = request.app.state
    settings: Settings = state.settings
    return SigningIn(
        postgres=state.postgres,
        passwords=passwords,
        guesses=guesses,
        tokens=state.tokens,
        revoking=partial(revoking_in, state),
        positions=state.positions,
        now=state.now,
        lasting=settings.tokens.refresh_lifetime,
    )


def revoking_in(state: State, db: Writing) -> Revoking:
    """Revoking in this transaction."""
    return Revoking(db, state.revocations, state.now, state.tokens.lifetime)


async def sessions(db: Reads, request: Request) -> Sessions:
    """Sessions, read."""
    return Sessions(db, request.app.state.now)


async def ending_sessions(db: Writes, request: Request) -> EndingSessions:
    """Sessions, ended in this request's transaction."""
    return EndingSessions(db, request.app.state.now, revoking_in(request.app.state, db))


Signing = Annotated[SigningIn, Depends(signing_in)]
Ending = Annotated[EndingSessions, Depends(ending_sessions)]


@router.post(
    "/register",
    status_code=201,
    responses=dict(
        problems(EmailTaken, WeakPassword, InvalidRequest, IdempotencyKeyReused, SigningInBusy, Unreachable)
    ),
)
async def register(
    applicant: Annotated[Applicant, Depends(applicant)], accounts: WritingAccounts, request: Request
) -> AccountOut:
    """Make an account; sign in to get tokens."""
    told = applicant.told
    made = await accounts.create(
        NewAccount(
            email=told.email,
            password_hash=applicant.password_hash,
            display_name=told.display_name,
            country=applicant.country,
            language=told.language or "",
            genres=told.genres,
            allows_explicit=told.allows_explicit,
        )
    )
    request.state.writer = f"user:{made.user_id}"
    return made


@router.post(
    "/login",
    responses=dict(problems(WrongCredentials, InvalidRequest, TooManyFailures, SigningInBusy, Unreachable)),
)
async def login(told: LoginIn, request: Request, response: Response, signing_in: Signing) -> TokensOut:
    """Sign in: an access token for requests, and a refresh token to get the next pair with."""
    response.headers["cache-control"] = "no-store"
    return await signing_in.login(
        told.email,
        told.password.get_secret_value(),
        device=told.device or _calls_itself(request),
        address=address_of(request.scope),
    )


@router.post("/refresh", responses=dict(problems(InvalidRefreshToken, InvalidRequest, Unreachable)))
async def refresh(told: RefreshTokenIn, response: Response, signing_in: Signing) -> TokensOut:
    """The next pair of tokens. A refresh token holds once: sent a second time, it ends its whole session."""
    response.headers["cache-control"] = "no-store"
    return await signing_in.refresh(told.refresh_token)


@router.post(
    "/logout",
    status_code=204,
    responses=dict(
        problems(MissingToken, InvalidToken, NoSession, InvalidRequest, IdempotencyKeyReused, Unreachable)
    ),
)
async def logout(listener: Listener, ending: Ending) -> None:
    """End the session whose token this is: none of its tokens holds any more."""
    await ending.own(listener)


@router.post(
    "/password",
    status_code=204,
    responses=dict(
        problems(
            MissingToken,
            InvalidToken,
            WrongPassword,
            ListenerNotFound,
            WeakPassword,
            InvalidRequest,
            TooManyFailures,
            SigningInBusy,
            Unreachable,
        )
    ),
)
async def change_password(
    told: PasswordIn, listener: Listener, request: Request, signing_in: Signing
) -> None:
    """Change your password; every other session of yours ends."""
    current, new = told.current_password.get_secret_value(), told.new_password.get_secret_value()
    await signing_in.change_password(listener, current, new, address=address_of(request.scope))


@router.get("/sessions", responses=dict(problems(MissingToken, InvalidToken, InvalidRequest, Unreachable)))
async def my_sessions(
    listener: Listener, part: Offsets, sessions: Annotated[Sessions, Depends(sessions)]
) -> Page[SessionOut]:
    """Where you are signed in, the last used first."""
    return await sessions.of(listener, part)


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    responses=dict(problems(MissingToken, InvalidToken, SessionNotFound, InvalidRequest, Unreachable)),
)
async def end_session(session_id: UUID, listener: Listener, ending: Ending) -> None:
    """Sign out somewhere else: none of that session's tokens holds any more."""
    await ending.one(listener, session_id)


def _calls_itself(request: Request) -> str:
    """What the client says it is."""
    told = request.headers.get("user-agent", "")[:LONGEST_DEVICE]
    return "".join(character for character in told if character.isprintable())
