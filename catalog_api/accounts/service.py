"""Who has an account, what they told about themselves, and who is told when it changes."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any, Protocol

from catalog_api.accounts import repository
from catalog_api.accounts.errors import EmailTaken
from catalog_api.accounts.schemas import AccountOut, PreferencesOut, ProfileOut
from catalog_api.accounts.tables import Preferences
from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.listeners.tables import User
from catalog_api.outbox.repository import tell
from catalog_api.revocations.service import Revoking
from catalog_api.songs.keys import PLAYLIST
from foundation.cache import Kind
from foundation.clock import Clock, microseconds
from foundation.contracts.events import ListenerChanged, PreferencesChanged
from foundation.engines.postgres import Reading, Writing
from foundation.ids import UserId
from foundation.security import ROLES

PROFILE = Kind("profile", "user:{}:profile", timedelta(minutes=30))


class Dropping(Protocol):
    """Drops keys from every cache when a transaction commits, as `Cache.change` does."""

    def __call__(self, db: Writing, /, *keys: str) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What somebody tells who signs up."""

    email: str  # in its normal form
    password_hash: str
    display_name: str
    country: str = ""
    language: str = ""
    genres: Sequence[str] = ()
    allows_explicit: bool = True
    roles: Sequence[str] = ("user",)


@dataclass(frozen=True, slots=True)
class Profiles:
    """Accounts, read."""

    db: Reading

    async def own(self, user_id: UserId) -> AccountOut:
        """All of an account. Raises ListenerNotFound."""
        return told_of(_found(await repository.by_id(self.db, user_id), user_id))

    async def by_email(self, email: str) -> list[AccountOut]:
        """The account of this address, if there is one."""
        user = await repository.by_email(self.db, email)
        return [] if user is None else [told_of(user)]

    async def public(self, user_id: UserId) -> ProfileOut | None:
        """What everybody may know of a person; None where nobody has this id."""
        user = await repository.by_id(self.db, user_id)
        if user is None:
            return None
        return ProfileOut(
            user_id=user.id, display_name=user.display_name, since=user.created_at.astimezone(UTC).date()
        )

    async def preferences(self, user_id: UserId) -> PreferencesOut:
        """What a listener prefers, as far as they told. Raises ListenerNotFound."""
        is_there, preferences = await repository.preferences_of(self.db, user_id)
        if not is_there:
            raise _nobody(user_id)
        return PreferencesOut() if preferences is None else _preferred(preferences)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts, changed; serving is told through the outbox, and caches drop what they hold."""

    db: Writing
    now: Clock
    drop: Dropping
    revoking: Revoking

    async def create(self, new: NewAccount) -> AccountOut:
        """A new account with its preferences. Raises EmailTaken."""
        user = await repository.add(
            self.db,
            {
                "email": new.email,
                "password_hash": new.password_hash,
                "display_name": new.display_name,
                "country": new.country,
                "roles": in_order(new.roles),
            },
        )
        if user is None:
            raise EmailTaken("this address has an account: sign in, or take another address")
        preferred = {
            "allows_explicit": new.allows_explicit,
            "language": new.language,
            "genres": list(new.genres),
        }
        await repository.add_preferences(self.db, {"user_id": user.id, **preferred})
        version = microseconds(self.now())
        await tell(
            self.db,
            ListenerChanged(listener_id=user.id, country=new.country, version=version),
            PreferencesChanged(
                listener_id=user.id,
                allows_explicit=new.allows_explicit,
                language=new.language,
                genres=tuple(new.genres),
                version=version,
            ),
        )
        await self.drop(self.db, PROFILE.key(user.id))
        return told_of(user)

    async def change(self, user_id: UserId, told: Mapping[str, Any]) -> AccountOut:
        """The account with its name or country changed. Raises ListenerNotFound."""
        if not told:
            return told_of(_found(await repository.by_id(self.db, user_id), user_id))
        user = _found(await repository.change(self.db, user_id, told), user_id)
        if "country" in told:
            origin, external_id = await repository.named_elsewhere(self.db, user_id)
            changed = ListenerChanged(
                listener_id=user.id,
                country=user.country,
                origin=origin,
                external_id=external_id,
                version=microseconds(self.now()),  # asked after the row is ours: later changes are newer
            )
            await tell(self.db, changed)
        # The name stands in the answers of their playlists too.
        shown = await repository.playlists_of(self.db, user_id) if "display_name" in told else ()
        await self.drop(self.db, PROFILE.key(user_id), *(PLAYLIST.key(playlist) for playlist in shown))
        return told_of(user)

    async def prefer(self, user_id: UserId, told: Mapping[str, Any]) -> PreferencesOut:
        """The preferences with what was told changed. Raises ListenerNotFound."""
        values = {name: _kept(value) for name, value in told.items()}
        preferences = await repository.prefer(self.db, user_id, values)
        if preferences is None:
            raise _nobody(user_id)
        changed = PreferencesChanged(
            listener_id=user_id,
            allows_explicit=preferences.allows_explicit,
            language=preferences.language,
            genres=tuple(preferences.genres),
            version=microseconds(self.now()),
        )
        await tell(self.db, changed)
        # No profile shows them; but who remembers listeners for their plays listens for this key.
        await self.drop(self.db, PROFILE.key(user_id))
        return _preferred(preferences)

    async def give_roles(self, user_id: UserId, roles: Sequence[str]) -> AccountOut:
        """The account with these roles and no others; its access tokens end, a refresh gives one with the new roles.

        Raises ListenerNotFound.
        """
        user = _found(await repository.change(self.db, user_id, {"roles": in_order(roles)}), user_id)
        await self.revoking.account(user_id)
        return told_of(user)


def told_of(user: User) -> AccountOut:
    """An account as its owner sees it."""
    return AccountOut(
        user_id=user.id,
        email=user.email,
        display_name=user.display_name,
        country=user.country or None,
        roles=user.roles,
        subscription_type=user.subscription_type,
        created_at=user.created_at,
    )


def in_order(roles: Sequence[str]) -> list[str]:
    """Each role once.

    >>> in_order(["admin", "user", "admin"])
    ['user', 'admin']
    """
    return [role for role in ROLES if role in roles]


def _preferred(preferences: Preferences) -> PreferencesOut:
    return PreferencesOut(
        allows_explicit=preferences.allows_explicit,
        language=preferences.language or None,
        genres=preferences.genres,
        is_private_session=preferences.is_private_session,
    )


def _kept(value: Any) -> Any:
    """A value as its column holds it: no language is "", genres are a list."""
    if value is None:
        return ""
    return list(value) if isinstance(value, tuple) else value


def _found(user: User | None, user_id: UserId) -> User:
    if user is None:
        raise _nobody(user_id)
    return user


def _nobody(user_id: UserId) -> ListenerNotFound:
    return ListenerNotFound(f"nobody has the id {user_id}", user_id=user_id)
