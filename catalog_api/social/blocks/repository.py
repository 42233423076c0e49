"""Keeps who blocks whom, and lists it, the newest first."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from catalog_api.listeners.tables import User
from catalog_api.social.positions import Position
from catalog_api.social.tables import Block
from foundation.engines.postgres import Reading, Writing
from foundation.ids import UserId


async def add(db: Writing, blocker: UserId, blocked: UserId, at: datetime) -> bool:
    """Whether the block is new."""
    told = {"blocker_id": blocker, "blocked_id": blocked, "blocked_at": at}
    new = insert(Block).values(told).on_conflict_do_nothing().returning(Block.blocked_id)
    return (await db.execute(new)).scalar() is not None


async def remove(db: Writing, blocker: UserId, blocked: UserId) -> bool:
    """Whether there was one to remove."""
    gone = delete(Block).where(Block.blocker_id == blocker, Block.blocked_id == blocked)
    return (await db.execute(gone.returning(Block.blocked_id))).scalar() is not None


async def of(
    db: Reading, blocker: UserId, after: Position | None, limit: int
) -> Sequence[tuple[int, str, datetime]]:
    """The listeners whom a listener blocks: id, name, since when."""
    theirs = (
        select(User.id, User.display_name, Block.blocked_at)
        .join(User, User.id == Block.blocked_id)
        .where(Block.blocker_id == blocker)
        .order_by(Block.blocked_at.desc(), Block.blocked_id.desc())
    )
    if after is not None:
        theirs = theirs.where(tuple_(Block.blocked_at, Block.blocked_id) < after)
    return [(*row,) for row in await db.execute(theirs.limit(limit))]
