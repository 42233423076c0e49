"""Imports as requests read and write them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select

from catalog_api.history_imports.tables import HistoryImport
from catalog_api.listeners.tables import User
from foundation.engines.postgres import Reading, Writing
from foundation.ids import UserId


async def has_listener(db: Writing, user_id: UserId) -> bool:
    """Whether there is such a listener, of whom nobody else begins an import until this transaction has ended."""
    asked = select(User.id).where(User.id == user_id).with_for_update(key_share=True)
    return await db.scalar(asked) is not None


async def unfinished(db: Reading, user_id: UserId) -> int:
    """How many imports of a listener are not over."""
    asked = select(func.count()).where(
        HistoryImport.user_id == user_id, HistoryImport.status.in_(("waiting", "running"))
    )
    return await db.scalar(asked) or 0


async def add(db: Writing, asked: HistoryImport) -> HistoryImport:
    """Write a new one down, as the database completes it."""
    db.add(asked)
    await db.flush()
    await db.refresh(asked)
    return asked


async def find(db: Reading, user_id: UserId, import_id: UUID) -> HistoryImport | None:
    """An import of this listener."""
    asked = select(HistoryImport).where(HistoryImport.id == import_id, HistoryImport.user_id == user_id)
    return (await db.scalars(asked)).one_or_none()


async def remove(db: Writing, user_id: UserId, import_id: UUID) -> bool:
    """Take an import of this listener out; whether there was one."""
    gone = delete(HistoryImport).where(HistoryImport.id == import_id, HistoryImport.user_id == user_id)
    return await db.scalar(gone.returning(HistoryImport.id)) is not None


async def newest_of(db: Reading, user_id: UserId, limit: int, before: UUID | None) -> Sequence[HistoryImport]:
    """The newest of a listener, asked for before that of this id; ids sort by time."""
    asked = select(HistoryImport).where(HistoryImport.user_id == user_id)
    if before is not None:
        asked = asked.where(HistoryImport.id < before)
    return (await db.scalars(asked.order_by(HistoryImport.id.desc()).limit(limit))).all()
