"""Finds listeners by our id or by another source's."""

from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select

from catalog_api.listeners.tables import ExternalId, User
from foundation.engines.postgres import Reading
from foundation.engines.statements import table_of, unwatched
from foundation.ids import UserId

_users = table_of(User)


async def by_id(db: Reading, listener_id: UserId) -> User | None:
    """The listener of this id."""
    row = (await db.execute(_one(), {"listener_id": listener_id})).one_or_none()
    return None if row is None else unwatched(User, row)


@cache
def _one() -> Select[*tuple[Any, ...]]:
    return select(*_users.c).where(_users.c.id == bindparam("listener_id"))


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
