"""Reads who may see whom, and locks people while something of theirs changes."""

from collections.abc import Iterable
from functools import cache

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from catalog_api.listeners.tables import User
from catalog_api.social.tables import Block
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import among, table_of
from foundation.ids import UserId

_users, _blocks = table_of(User), table_of(Block)


async def locked(db: Writing, listeners: Iterable[UserId]) -> set[int]:
    """Those of them who exist, held until this transaction ends against other changes of theirs.

    They are locked in the order of their ids, so that no two transactions wait for each other.
    """
    return set(await db.scalars(_locked(), {"listeners": list(listeners)}))


@cache
def _locked() -> Select[int]:
    held = select(_users.c.id).where(among(_users.c.id, "listeners")).order_by(_users.c.id)
    return held.with_for_update(key_share=True)


async def is_seen_by(db: Reading, viewer: UserId, listener: UserId) -> bool:
    """Whether the listener exists, and neither of the two blocks the other."""
    return bool(await db.scalar(select(exists().where(User.id == listener, seen_by(viewer, User.id)))))


def blocking(blocker: ColumnElement[int], blocked: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether one blocks the other."""
    return exists().where(_blocks.c.blocker_id == blocker, _blocks.c.blocked_id == blocked)


def seen_by(viewer: UserId, listener: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Rows of listeners of whom and whose viewer neither blocks the other."""
    return ~exists().where(
        or_(
            and_(Block.blocker_id == viewer, Block.blocked_id == listener),
            and_(Block.blocked_id == viewer, Block.blocker_id == listener),
        )
    )
