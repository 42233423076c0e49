"""Signing in, staying so, and ending it: who may speak for an account, and until when."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from catalog_api.auth import repository
from catalog_api.auth.errors import (
    InvalidRefreshToken,
    NoSession,
    SessionNotFound,
    WrongCredentials,
    WrongPassword,
)
from catalog_api.auth.guesses import Guesses
from catalog_api.auth.passwords import Passwords, refuse_weak
from catalog_api.auth.schemas import SessionOut, SignedInUser, TokensOut
from catalog_api.auth.tables import RefreshToken, Session
from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.listeners.tables import User
from catalog_api.revocations.service import Revoking
from foundation.clock import Clock
from foundation.engines.postgres import Postgres, Reading, Writing
from foundation.http.pages import Offset, Page
from foundation.http.sessions import Positions
from foundation.ids import UserId, new_id
from foundation.security import Principal, TokenMaker

ENTROPY = 32  # bytes of a refresh token
MOST_SESSIONS = 100  # open ones of an account: more devices nobody has


@dataclass(frozen=True, slots=True)
class SigningIn:
    """Gives tokens to who proves who they are.

    Its transactions are its own, not the request's: no connection is held while a password is hashed, and a family that
    is revoked stays so although the answer is a refusal.
    """

    postgres: Postgres
    passwords: Passwords
    guesses: Guesses
    tokens: TokenMaker
    revoking: Callable[[Writing], Revoking]
    positions: Positions
    now: Clock
    lasting: timedelta  # of a session that is not used

    async def login(self, email: str, password: str, *, device: str, address: str) -> TokensOut:
        """Tokens of a new session; beyond MOST_SESSIONS the one ends that was not used for longest.

        Raises WrongCredentials, TooManyFailures, SigningInBusy.
        """
        async with self.guesses.trying(email, address):
            async with self.postgres.reading() as db:
                user = await repository.by_email(db, email)
            kept = None if user is None else user.password_hash
            if not await self.passwords.fits(password, kept) or user is None or kept is None:
                raise WrongCredentials("nobody has this e-mail address and this password")
        better = await self.passwords.hashed(password) if self.passwords.is_outdated(kept) else None
        async with self.postgres.writing(self._wrote(user.id)) as db:
            if better is not None and await repository.keep_password(db, user.id, kept, better):
                kept = better
            user = await repository.still_having(db, user.id, kept)
            if user is None:
                raise WrongCredentials("the password was changed at this moment")
            return await self._begun(db, user, device, address)

    async def refresh(self, token: str) -> TokensOut:
        """The next tokens of a session. Raises InvalidRefreshToken.

        A token that was used before is in two hands, and nobody can tell whose are the right ones: its session ends
        (RFC 9700, section 4.14.2). Of many who come with one token at once, one is served and the others are too late.
        """
        digest = _digest(token)
        family: repository.Family | None = None

        async def wrote(position: str) -> None:
            if family is not None:
                await self._wrote(family.user.id)(position)

        async with self.postgres.writing(wrote) as db:
            family = await repository.family_of(db, digest)
            if family is None:
                refusal = "it is none of ours"
            elif family.was_used or not await repository.use(db, digest, self.now()):
                refusal = "it was used before: its session has ended, sign in again"
                if await repository.end(db, family.session_id, "reuse", self.now()):
                    await self.revoking(db).session(family.session_id)
            else:
                tokens = await self._prolonged(db, family)
                if tokens is not None:
                    return tokens
                refusal = "its session has ended, sign in again"
        raise InvalidRefreshToken(refusal)

    async def change_password(self, asking: Principal, current: str, new: str, *, address: str) -> None:
        """Another password from now on; every other session ends. Raises WrongPassword, WeakPassword, TooManyFailures."""
        async with self.postgres.reading() as db:
            user = await repository.by_id(db, asking.user_id)
        if user is None:
            raise ListenerNotFound(f"nobody has the id {asking.user_id}", user_id=asking.user_id)
        if user.email is None or user.password_hash is None:
            raise WrongPassword("this account has no password")
        refuse_weak(new, user.email)
        async with self.guesses.trying(user.email, address):
            if not await self.passwords.fits(current, user.password_hash):
                raise WrongPassword("this is not the current password")
        hashed = await self.passwords.hashed(new)
        async with self.postgres.writing(self._wrote(user.id)) as db:
            if not await repository.keep_password(db, user.id, user.password_hash, hashed):
                raise WrongPassword("the password was changed at this moment")
            ended = await repository.end_others(db, user.id, asking.session_id, "password", self.now())
            await self.revoking(db).sessions(ended)

    async def _begun(self, db: Writing, user: User, device: str, address: str) -> TokensOut:
        now = self.now()
        session_id, token = new_id(now), secrets.token_urlsafe(ENTROPY)
        session = Session(
            id=session_id,
            user_id=user.id,
            device=device,
            address=address,
            created_at=now,
            last_used_at=now,
            expires_at=now + self.lasting,
        )
        given = RefreshToken(digest=_digest(token), session_id=session_id, issued_at=now)
        ended = await repository.begin(db, session, given, MOST_SESSIONS)
        await self.revoking(db).sessions(ended)
        return self._told(user, session_id, token, now)

    async def _prolonged(self, db: Writing, family: repository.Family) -> TokensOut | None:
        now = self.now()
        if not await repository.prolong(db, family.session_id, now, now + self.lasting):
            return None
        token = secrets.token_urlsafe(ENTROPY)
        given = RefreshToken(digest=_digest(token), session_id=family.session_id, issued_at=now)
        await repository.give(db, given)
        return self._told(family.user, family.session_id, token, now)

    def _wrote(self, user_id: int) -> Callable[[str], Awaitable[None]]:
        """Notes how far they have written: a replica that is behind that may not even know them."""
        return partial(self.positions.wrote, f"user:{user_id}")

    def _told(self, user: User, session_id: UUID, refresh_token: str, now: datetime) -> TokensOut:
        access_token = self.tokens.issue(
            UserId(user.id),
            roles=user.roles,
            now=now,
            email=user.email or "",
            subscription=user.subscription_type,
            session_id=session_id,
        )
        return TokensOut(
            access_token=access_token,
            refresh_token=refresh_token,
            expires_in=int(self.tokens.lifetime.total_seconds()),
            user=SignedInUser(
                user_id=user.id, display_name=user.display_name, subscription_type=user.subscription_type
            ),
        )


@dataclass(frozen=True, slots=True)
class Sessions:
    """Where an account is signed in, as its owner sees it."""

    db: Reading
    now: Clock

    async def of(self, asking: Principal, part: Offset) -> Page[SessionOut]:
        """The open sessions, the last used first."""
        found, total = await repository.open_sessions(
            self.db, asking.user_id, self.now(), limit=part.limit, offset=part.offset
        )
        results = [_session_of(session, asking.session_id) for session in found]
        return Page(results=results, total=total, limit=part.limit, offset=part.offset)


@dataclass(frozen=True, slots=True)
class EndingSessions:
    """Ends sessions: their refresh tokens, and at once their access tokens."""

    db: Writing
    now: Clock
    revoking: Revoking

    async def own(self, asking: Principal) -> None:
        """The session that asks. Raises NoSession for a token that no sign-in gave."""
        if asking.session_id is None:
            raise NoSession("it holds until it expires; a sign-in gives tokens that can be ended")
        await repository.end(self.db, asking.session_id, "logout", self.now(), of=asking.user_id)
        await self.revoking.session(asking.session_id)

    async def one(self, asking: Principal, session_id: UUID) -> None:
        """Any session of the one who asks. Raises SessionNotFound."""
        if not await repository.end(self.db, session_id, "revoked", self.now(), of=asking.user_id):
            raise SessionNotFound("you have no open session of this id", session_id=str(session_id))
        await self.revoking.session(session_id)


def _session_of(session: Session, current: UUID | None) -> SessionOut:
    return SessionOut(
        session_id=session.id,
        device=session.device,
        address=session.address,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        expires_at=session.expires_at,
        is_current=session.id == current,
    )


def _digest(token: str) -> bytes:
    """What is kept of a refresh token: it has 256 bits of chance, so that no slow hash is needed."""
    return hashlib.sha256(token.encode()).digest()
