"""A block parts two listeners: neither follows the other, and neither sees what the other does."""

from dataclasses import dataclass

from catalog_api.outbox.repository import tell
from catalog_api.social.blocks import repository
from catalog_api.social.errors import NotYourself
from catalog_api.social.follows.service import Following
from catalog_api.social.people.service import change
from catalog_api.social.positions import Position, position_of, stretch_of
from catalog_api.social.schemas import ListenerSince
from foundation.clock import Clock
from foundation.contracts.events import BlockChanged
from foundation.engines.postgres import Reading, Writing
from foundation.http.pages import Cursor, Stretch
from foundation.ids import UserId


@dataclass(frozen=True, slots=True)
class Blocking:
    """Changes whom a listener blocks."""

    db: Writing
    following: Following
    now: Clock

    async def block(self, blocker: UserId, blocked: UserId) -> None:
        """End what joins them. Raises ListenerNotFound, NotYourself."""
        if blocker == blocked:
            raise NotYourself("nobody blocks themselves", user_id=blocked)
        moment = await change(self.db, self.now, blocker, blocked)
        if not await repository.add(self.db, blocker, blocked, moment.at):
            return
        await tell(self.db, _changed(blocker, blocked, moment.version, is_blocked=True))
        for one, other in sorted([(blocker, blocked), (blocked, blocker)]):  # two blocks at once in one order
            await self.following.end(one, "listener", other, moment)

    async def unblock(self, blocker: UserId, blocked: UserId) -> None:
        """Block them no more; the follows of before do not come back."""
        moment = await change(self.db, self.now, blocker)
        if await repository.remove(self.db, blocker, blocked):
            await tell(self.db, _changed(blocker, blocked, moment.version, is_blocked=False))


@dataclass(frozen=True, slots=True)
class Blocks:
    """Whom a listener blocks."""

    db: Reading

    async def of(self, blocker: UserId, cursor: Cursor) -> Stretch[ListenerSince]:
        """The listeners whom a listener blocks, the newest first."""
        found = await repository.of(self.db, blocker, position_of(cursor), cursor.limit + 1)
        told = [
            ListenerSince(user_id=number, display_name=name, since=since) for number, name, since in found
        ]
        return stretch_of(told, cursor.limit, lambda listener: Position(listener.since, listener.user_id))


def _changed(blocker: UserId, blocked: UserId, version: int, *, is_blocked: bool) -> BlockChanged:
    return BlockChanged(listener_id=blocker, blocked_id=blocked, is_blocked=is_blocked, version=version)
