"""Accounts over HTTP: one's own, everybody's public profile, and what administrators may do."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from catalog_api.accounts.schemas import (
    AccountChange,
    AccountOut,
    KnownEmail,
    PreferencesChange,
    PreferencesOut,
    ProfileOut,
    RolesIn,
)
from catalog_api.accounts.service import PROFILE, Accounts, Profiles
from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.revocations.service import Revoking
from foundation.cache import Cache
from foundation.engines.postgres import Postgres, Writing
from foundation.errors import Unreachable
from foundation.http.inputs import Id
from foundation.http.pages import Page
from foundation.http.principal import Admin, Anyone, Listener, MissingToken, NotAllowed
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.ids import UserId
from foundation.security import InvalidToken

router = APIRouter(tags=["accounts"], route_class=Route)

OWN = problems(MissingToken, InvalidToken, ListenerNotFound, Unreachable)
OWN_CHANGED = problems(MissingToken, InvalidToken, ListenerNotFound, InvalidRequest, Unreachable)


async def profiles(db: Reads) -> Profiles:
    """Accounts, read in this request."""
    return Profiles(db)


async def accounts(db: Writes, request: Request) -> Accounts:
    """Accounts, changed in this request."""
    return accounts_in(db, request)


def accounts_in(db: Writes, request: Request) -> Accounts:
    """Accounts, changed in this transaction."""
    state = request.app.state
    revoking = Revoking(db, state.revocations, state.now, state.tokens.lifetime)
    cache: Cache = state.cache

    async def drop(db: Writing, *keys: str) -> None:
        """What is told to other processes this one must know before it answers: whose next play is private."""

        async def heard() -> None:
            state.playback.listeners.hear(" ".join(keys))

        await cache.change(db, *keys)
        db.after_commit(heard)

    return Accounts(db, state.now, drop, revoking)


ReadProfiles = Annotated[Profiles, Depends(profiles)]
WritingAccounts = Annotated[Accounts, Depends(accounts)]


@router.get("/me", responses=dict(OWN))
async def my_account(listener: Listener, profiles: ReadProfiles) -> AccountOut:
    """Your own account."""
    return await profiles.own(listener.user_id)


@router.patch("/me", responses=dict(OWN_CHANGED))
async def change_my_account(told: AccountChange, listener: Listener, accounts: WritingAccounts) -> AccountOut:
    """Change your name or country; what you leave out stays."""
    return await accounts.change(listener.user_id, told.told())


@router.get("/me/preferences", responses=dict(OWN))
async def my_preferences(listener: Listener, profiles: ReadProfiles) -> PreferencesOut:
    """What we mind when we serve you."""
    return await profiles.preferences(listener.user_id)


@router.patch("/me/preferences", responses=dict(OWN_CHANGED))
async def change_my_preferences(
    told: PreferencesChange, listener: Listener, accounts: WritingAccounts
) -> PreferencesOut:
    """Change what we mind when we serve you; what you leave out stays."""
    return await accounts.prefer(listener.user_id, told.told())


@router.get(
    "/users/{user_id}",
    responses=dict(problems(InvalidToken, ListenerNotFound, InvalidRequest, Unreachable)),
    response_model=ProfileOut,
)
async def profile(user_id: Id, asking: Anyone, request: Request) -> Response:
    """What everybody may know of a person."""
    cache: Cache = request.app.state.cache
    postgres: Postgres = request.app.state.postgres

    async def make() -> bytes | None:
        async with postgres.reading() as db:
            found = await Profiles(db).public(UserId(user_id))
        return None if found is None else found.model_dump_json().encode()

    answer = await cache.of(PROFILE, PROFILE.key(user_id), make)
    if answer is None:
        raise ListenerNotFound(f"nobody has the id {user_id}", user_id=user_id)
    return Response(answer.body, media_type="application/json", headers={"etag": answer.tag.decode("ascii")})


@router.get(
    "/users", responses=dict(problems(MissingToken, InvalidToken, NotAllowed, InvalidRequest, Unreachable))
)
async def accounts_by_email(
    email: Annotated[KnownEmail, Query(examples=["john@example.org"])], admin: Admin, profiles: ReadProfiles
) -> Page[AccountOut]:
    """The account that signed up with an e-mail address, if there is one; for administrators."""
    found = await profiles.by_email(email)
    return Page(results=found, total=len(found), limit=1, offset=0)


@router.put(
    "/users/{user_id}/roles",
    responses=dict(
        problems(MissingToken, InvalidToken, NotAllowed, ListenerNotFound, InvalidRequest, Unreachable)
    ),
)
async def give_roles(user_id: Id, told: RolesIn, admin: Admin, accounts: WritingAccounts) -> AccountOut:
    """Set what an account may do; its access tokens end, and its next refresh gives one that says so."""
    return await accounts.give_roles(UserId(user_id), told.roles)
