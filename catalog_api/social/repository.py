"""What lists and changes of all that people say and follow share: the rows behind a position, and holding on to a target."""

from functools import cache
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Column, DateTime, Select, Table, bindparam, select, tuple_

from catalog_api.artists.tables import Artist
from catalog_api.listeners.tables import User
from catalog_api.social.positions import Position
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Writing
from foundation.engines.statements import table_of, whole_number

Kind: TypeAlias = Literal["listener", "artist", "song"]

_TABLES: Final[dict[Kind, Table]] = {
    "listener": table_of(User),
    "artist": table_of(Artist),
    "song": table_of(Song),
}


async def held(db: Writing, kind: Kind, number: int) -> bool:
    """Whether it exists; if so, nobody removes it until this transaction ends. It may be changed meanwhile."""
    return await db.scalar(_held(kind), {"number": number}) is not None


@cache
def _held(kind: Kind) -> Select[int]:
    table = _TABLES[kind]
    found = select(table.c.id).where(table.c.id == bindparam("number"))
    return found.with_for_update(read=True, key_share=True)


def behind(
    rows: Select[*tuple[Any, ...]], since: Column[Any], number: Column[int], *, is_behind: bool
) -> Select[*tuple[Any, ...]]:
    """So many of the rows, the newest first: behind a position where one is told, which is done by `told_of`."""
    if is_behind:
        position = tuple_(bindparam("since", type_=DateTime(timezone=True)), whole_number("number"))
        rows = rows.where(tuple_(since, number) < position)
    return rows.order_by(since.desc(), number.desc()).limit(whole_number("limit"))


def told_of(after: Position | None) -> dict[str, Any]:
    """The values of a position."""
    return {} if after is None else {"since": after.since, "number": after.id}
