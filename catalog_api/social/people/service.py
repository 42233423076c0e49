"""Whom a listener may see, and how what they change comes one after the other."""

from dataclasses import dataclass
from datetime import datetime

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.social.people import repository
from foundation.clock import Clock, microseconds
from foundation.engines.postgres import Reading, Writing
from foundation.ids import UserId


@dataclass(frozen=True, slots=True)
class Moment:
    """When a change happens: later than every earlier one of the same people."""

    at: datetime

    @property
    def version(self) -> int:
        """Microseconds since 1970: what orders the events of changes.

        >>> from datetime import UTC
        >>> Moment(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)).version
        1000000
        """
        return microseconds(self.at)


async def change(db: Writing, now: Clock, *listeners: UserId) -> Moment:
    """Begin a change that concerns these listeners: until it is committed, no other of theirs begins.

    The time is taken afterwards, so that versions grow in the order of what they tell. Raises ListenerNotFound.
    """
    held = await repository.locked(db, listeners)
    for listener in listeners:
        if listener not in held:
            raise nobody(listener)
    return Moment(now())


@dataclass(frozen=True, slots=True)
class People:
    """The people whom one may meet."""

    db: Reading

    async def meet(self, viewer: UserId, listener: UserId) -> None:
        """Raise ListenerNotFound where there is no such listener, or either of the two blocks the other."""
        if not await repository.is_seen_by(self.db, viewer, listener):
            raise nobody(listener)


def nobody(listener: UserId) -> ListenerNotFound:
    """The refusal of whom there is not, or who must not be seen."""
    return ListenerNotFound(f"nobody has the id {listener}", user_id=listener)
