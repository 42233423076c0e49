"""Finds listeners by our id or by another source's."""

from functools import cache

from sqlalchemy import Select, bindparam, select

from catalog_api.listeners.tables import ExternalId, User
from foundation.engines.postgres import Reading
from foundation.ids import UserId


async def by_id(db: Reading, listener_id: UserId) -> User | None:
    """The listener of this id."""
    return await db.scalar(_one(), {"listener_id": listener_id})


@cache
def _one() -> Select[User]:
    return select(User).where(User.id == bindparam("listener_id"))


async def by_external_id(db: Reading, source: str, external_id: str) -> User | None:
    """The listener whom a source calls so."""
    named = (
        select(User)
        .join(ExternalId, ExternalId.id == User.id)
        .where(
            ExternalId.kind == "listener", ExternalId.source == source, ExternalId.external_id == external_id
        )
    )
    return await db.scalar(named)


async def sources(db: Reading) -> list[str]:
    """The sources that name listeners, in order of their names."""
    named = (
        select(ExternalId.source).where(ExternalId.kind == "listener").distinct().order_by(ExternalId.source)
    )
    return list(await db.scalars(named))
