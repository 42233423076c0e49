"""Ends access tokens before their time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from catalog_api.revocations import repository
from foundation.clock import Clock
from foundation.engines.postgres import Reading, Writing
from foundation.engines.postgres_channels import notify
from foundation.http.revocations import CHANNEL, Revocations, of_user
from foundation.ids import UserId

SLACK = timedelta(minutes=1)  # by how much clocks of our own machines may differ
STRICTLY = timedelta(milliseconds=1)  # a token says its time in whole milliseconds


@dataclass(frozen=True, slots=True)
class Revoking:
    """Revokes in one transaction; when it commits every process knows, this one before the request is answered."""

    db: Writing
    known: Revocations
    now: Clock
    lifetime: timedelta  # of an access token

    async def session(self, session_id: UUID) -> None:
        """No access token of this sign-in holds any more."""
        await self.sessions([session_id])

    async def sessions(self, session_ids: Sequence[UUID]) -> None:
        """The same for several at once."""
        await self._revoke_for_good(*(f"session:{session_id}" for session_id in session_ids))

    async def account(self, user_id: UserId) -> None:
        """No access token issued so far to this account holds any more, however it was given; later ones do."""
        # One issued in this very millisecond is struck too.
        await self._revoke(self.now() + STRICTLY, of_user(user_id))

    async def deleted(self, user_id: UserId) -> None:
        """No access token of this account holds any more, and none ever will."""
        await self._revoke_for_good(of_user(user_id))

    async def _revoke_for_good(self, *subjects: str) -> None:
        """Nothing is issued to them any more: also what a machine issued whose clock is ahead of ours is struck."""
        await self._revoke(self.now() + self.lifetime + SLACK + STRICTLY, *subjects)

    async def _revoke(self, moment: datetime, *subjects: str) -> None:
        if not subjects:
            return
        expires_at = self.now() + self.lifetime + SLACK + STRICTLY
        await repository.write(self.db, subjects, moment, expires_at)
        number = milliseconds(moment)
        await notify(self.db, CHANNEL, (f"{subject} {number}" for subject in subjects))

        async def know() -> None:
            self.known.add_all((subject, number) for subject in subjects)

        self.db.after_commit(know)


async def standing(db: Reading, now: datetime) -> list[tuple[str, int]]:
    """All that still matters, as `Revocations.add_all` takes it."""
    return [(subject, milliseconds(moment)) for subject, moment in await repository.standing(db, now)]


def milliseconds(moment: datetime) -> int:
    """Since 1970.

    >>> from datetime import UTC
    >>> milliseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000
    """
    return int(moment.timestamp() * 1000)
