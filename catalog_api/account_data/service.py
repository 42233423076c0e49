"""Deletes accounts: everything in Postgres at once, and a note of what must go elsewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from catalog_api.account_data import repository
from catalog_api.account_data.errors import DeletionNotFound, PasswordNeeded
from catalog_api.account_data.repository import Owned
from catalog_api.account_data.schemas import ReceiptOut
from catalog_api.accounts.service import PROFILE
from catalog_api.auth.errors import WrongPassword
from catalog_api.auth.guesses import Guesses
from catalog_api.auth.passwords import Passwords
from catalog_api.genres.service import GENRES
from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.listeners.service import Listeners
from catalog_api.lyrics.service import LYRICS
from catalog_api.outbox.repository import ROW_EVENTS, tell
from catalog_api.revocations.service import Revoking
from foundation.cache import Cache
from foundation.clock import Clock, microseconds
from foundation.contracts.events import BlockChanged, Event, FollowChanged, PlaylistChanged, SongChanged
from foundation.engines.postgres import Postgres, Reading, Writing
from foundation.ids import UserId, new_id


@dataclass(frozen=True, slots=True)
class Deletions:
    """The receipts."""

    db: Reading

    async def receipt(self, deletion_id: UUID) -> ReceiptOut:
        """What has been removed so far. Raises DeletionNotFound."""
        found = await repository.deletion(self.db, deletion_id)
        if found is None:
            raise DeletionNotFound(deletion_id)
        return ReceiptOut(
            deletion_id=found.id,
            requested_at=found.requested_at,
            finished_at=found.finished_at,
            removed=found.removed,
        )


@dataclass(frozen=True, slots=True)
class Confirming:
    """Sees that an account is deleted by the one who knows its password, before the request takes a connection for long."""

    postgres: Postgres
    passwords: Passwords
    guesses: Guesses

    async def confirmed(self, user_id: UserId, password: str | None, address: str) -> str | None:
        """The digest of the password, which was the right one; None for an account without one.

        Raises ListenerNotFound, PasswordNeeded, WrongPassword, TooManyFailures, SigningInBusy.
        """
        async with self.postgres.reading() as db:
            person = await Listeners(db).by_id(user_id)
        if person.password_hash is None:
            return None
        if password is None:
            raise PasswordNeeded('send it as {"password": "…"}')
        email = person.email or ""
        async with self.guesses.trying(email, address):
            if not await self.passwords.fits(password, person.password_hash):
                raise WrongPassword("this is not the password of your account")
        return person.password_hash


@dataclass(frozen=True, slots=True)
class Deleting:
    """Deletes an account, in one transaction."""

    db: Writing
    revoking: Revoking
    cache: Cache
    now: Clock

    async def delete(self, user_id: UserId, confirmed: str | None) -> UUID:
        """The id of the deletion. When this commits, the person is in no table and no token of theirs holds.

        Music of artists they own goes with them; what others made stays. `confirmed` is the digest of the password that
        was checked. Raises ListenerNotFound, and WrongPassword where the password was changed meanwhile.
        """
        kept = await repository.password_of(self.db, user_id)
        if kept is None:
            raise ListenerNotFound(f"nobody has the id {user_id}", user_id=user_id)
        if kept[0] != confirmed:
            raise WrongPassword("the password was changed at this moment")
        now = self.now()
        owned = await repository.owned_by(self.db, user_id)
        followers = await repository.followers_of(self.db, user_id)
        blockers = await repository.blockers_of(self.db, user_id)
        others = await repository.others_who_did_something_to(self.db, user_id, owned)
        removed, keys = await repository.remove(self.db, user_id, owned, now)
        deletion_id = new_id(now)
        belongings = {
            "songs": owned.songs,
            "covers": owned.covers,
            "uploads": owned.uploads,
            "others": sorted({*followers, *blockers, *others}),
        }
        await repository.note(self.db, deletion_id, user_id, removed, belongings, now)
        await self._tell(list(_farewells(user_id, followers, blockers, owned, now)))
        keys += [PROFILE.key(user_id), GENRES.key(), *(LYRICS.key(song) for song in owned.songs)]
        await self.cache.change(self.db, *keys)
        await self.revoking.deleted(user_id)
        return deletion_id

    async def _tell(self, events: list[Event]) -> None:
        for start in range(0, len(events), ROW_EVENTS):
            await tell(self.db, *events[start : start + ROW_EVENTS])


def _farewells(
    user_id: UserId, followers: Sequence[int], blockers: Sequence[int], owned: Owned, now: datetime
) -> Iterator[Event]:
    """What serving and the warehouse must hear: nobody follows or blocks this person any more, and what was theirs is gone."""
    version = microseconds(now)
    for follower in followers:
        yield FollowChanged(
            listener_id=follower, kind="listener", target_id=user_id, is_following=False, version=version
        )
    for blocker in blockers:
        yield BlockChanged(listener_id=blocker, blocked_id=user_id, is_blocked=False, version=version)
    for playlist in owned.playlists:
        yield PlaylistChanged(playlist_id=playlist, is_public=False, version=version)
    for song in owned.songs:
        yield SongChanged(song_id=song, title="", artist_id=0, artist="", is_removed=True, version=version)
