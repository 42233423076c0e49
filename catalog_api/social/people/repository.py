"""Reads who may see whom, and locks people while something of theirs changes."""

from collections.abc import Iterable
from functools import cache

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from catalog_api.listeners.tables import User
from catalog_api.social.tables import Block
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import among, table_of, whole_number
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
    return bool(await db.scalar(_seen(), {"viewer": viewer, "listener": listener}))


@cache
def _seen() -> Select[bool]:
    they = _users.c.id == bindparam("listener")
    return select(exists().where(they, seen_by(whole_number("viewer"), _users.c.id)))


def blocking(blocker: ColumnElement[int], blocked: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether one blocks the other."""
    return exists().where(_blocks.c.blocker_id == blocker, _blocks.c.blocked_id == blocked)


def seen_by(
    viewer: UserId | ColumnElement[int], listener: ColumnElement[int] | InstrumentedAttribute[int]
) -> ColumnElement[bool]:
    """Rows of listeners of whom and whose viewer neither blocks the other."""
    return ~exists().where(
        or_(
            and_(_blocks.c.blocker_id == viewer, _blocks.c.blocked_id == listener),
            and_(_blocks.c.blocked_id == viewer, _blocks.c.blocker_id == listener),
        )
    )
