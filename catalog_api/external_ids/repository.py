"""Reads and writes what other sources call our songs, artists and albums."""

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from catalog_api.listeners.tables import ExternalId
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of

_names = table_of(ExternalId)


def named(kind: str, column: ColumnElement[int] | Any) -> ScalarSelect[dict[str, str] | None]:
    """For a query: all ids of the thing whose id stands in `column`, by source; null where it has none."""
    return (
        select(func.jsonb_object_agg(_names.c.source, _names.c.external_id))
        .where(_names.c.kind == kind, _names.c.id == column)
        .scalar_subquery()
    )


async def id_of(db: Reading, kind: str, source: str, external_id: str) -> int | None:
    """What the source calls so; None where it is nothing of ours."""
    return await db.scalar(
        select(ExternalId.id).where(
            ExternalId.kind == kind, ExternalId.source == source, ExternalId.external_id == external_id
        )
    )


async def name(db: Writing, kind: str, number: int, source: str, external_id: str) -> bool:
    """Let this be the one id that `source` has for it; False where the id is another's. Waits for who writes the same."""
    await unname(db, kind, number, source, but=external_id)
    told = insert(ExternalId).values(kind=kind, source=source, external_id=external_id, id=number)
    kept = told.on_conflict_do_update(
        index_elements=[ExternalId.kind, ExternalId.source, ExternalId.external_id],
        set_={"id": told.excluded.id},
        where=ExternalId.id == told.excluded.id,
    )
    return (await db.scalar(kept.returning(ExternalId.id))) is not None


async def unname(db: Writing, kind: str, number: int, source: str | None = None, *, but: str = "") -> None:
    """Take away the ids that `source` has for it, or all there are; that one may stay."""
    mine = delete(ExternalId).where(
        ExternalId.kind == kind, ExternalId.id == number, ExternalId.external_id != but
    )
    await db.execute(mine if source is None else mine.where(ExternalId.source == source))
