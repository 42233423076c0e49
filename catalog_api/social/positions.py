"""Where a list that is told newest first goes on: behind a moment, and among equal moments behind an id."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from foundation.clock import microseconds
from foundation.http.pages import Cursor, Stretch, not_ours, sealed, stretch
from foundation.ids import BIGGEST_ID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799_999_999  # microseconds: the end of the year 9999
Item = TypeVar("Item")


class Position(NamedTuple):
    """The last thing that was seen."""

    since: datetime
    id: int


def position_of(cursor: Cursor) -> Position | None:
    """Where the list goes on; None at its beginning. Raises InvalidRequest for what is no cursor of such a list."""
    match cursor.after:
        case ():
            return None
        case (int(moment), int(last)) if 0 <= moment <= _LATEST and 0 < last <= BIGGEST_ID:
            return Position(_EPOCH + timedelta(microseconds=moment), last)
    raise not_ours()


def id_of(cursor: Cursor) -> int | None:
    """The same for a list in the order of its ids."""
    match cursor.after:
        case ():
            return None
        case (int(last),) if 0 < last <= BIGGEST_ID:
            return last
    raise not_ours()


def stretch_of(found: Sequence[Item], limit: int, position: Callable[[Item], Position]) -> Stretch[Item]:
    """Of `limit` + 1 things that were asked for the first `limit`, with the cursor of the last of them."""
    if not found:
        return Stretch(results=[])
    last = position(found[:limit][-1])
    return stretch(found, limit, sealed(microseconds(last.since), last.id))
