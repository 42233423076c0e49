"""Keeps who follows whom, and lists both ends, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from sqlalchemy import Column, Select, bindparam, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert

from catalog_api.artists.tables import Artist
from catalog_api.listeners.tables import User
from catalog_api.social.people.repository import blocking, seen_by
from catalog_api.social.positions import Position
from catalog_api.social.tables import ArtistFollow, ListenerFollow
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of, whole_number
from foundation.ids import UserId

Kind: TypeAlias = Literal["listener", "artist"]
Row: TypeAlias = tuple[int, str, datetime]  # id, name, since

_COLUMNS: Final[dict[Kind, Column[int]]] = {
    "listener": table_of(ListenerFollow).c.followed_id,
    "artist": table_of(ArtistFollow).c.artist_id,
}
_users = table_of(User)


async def add(db: Writing, follower: UserId, kind: Kind, target: int, at: datetime) -> bool:
    """Whether the follow is new."""
    return await db.scalar(_added(kind), {"follower": follower, "target": target, "at": at}) is not None


@cache
def _added(kind: Kind) -> ReturningInsert[int]:
    column = _COLUMNS[kind]
    table = column.table
    told = {
        table.c.follower_id: bindparam("follower"),
        column: bindparam("target"),
        table.c.followed_at: bindparam("at"),
    }
    return insert(table).values(told).on_conflict_do_nothing().returning(column)


async def remove(db: Writing, follower: UserId, kind: Kind, target: int) -> bool:
    """Whether there was one to remove."""
    return await db.scalar(_removed(kind), {"follower": follower, "target": target}) is not None


@cache
def _removed(kind: Kind) -> ReturningDelete[int]:
    column = _COLUMNS[kind]
    theirs = column.table.c.follower_id == bindparam("follower")
    return delete(column.table).where(theirs, column == bindparam("target")).returning(column)


class Standing(NamedTuple):
    """How two listeners stand who may follow each other."""

    is_blocked_by_follower: bool
    is_blocking_follower: bool


async def hold(db: Writing, follower: UserId, followed: UserId) -> Standing | None:
    """Keep who is to be followed from being removed until this transaction ends; None where there is nobody.

    The follower is locked, and so neither can block the other meanwhile.
    """
    found = (await db.execute(_held(), {"follower": follower, "followed": followed})).one_or_none()
    return None if found is None else Standing(*found[1:])


@cache
def _held() -> Select[int, bool, bool]:
    follower, followed = whole_number("follower"), whole_number("followed")
    return (
        select(_users.c.id, blocking(follower, followed), blocking(followed, follower))
        .where(_users.c.id == followed)
        .with_for_update(read=True, key_share=True, of=_users)
    )


async def follows(db: Reading, follower: UserId, followed: UserId) -> bool:
    """Whether one listener follows another."""
    return await db.get(ListenerFollow, (follower, followed)) is not None


async def followed_by(
    db: Reading, follower: UserId, viewer: UserId, after: Position | None, limit: int
) -> Sequence[Row]:
    """The listeners whom a listener follows, as far as the viewer may see them."""
    theirs = (
        select(User.id, User.display_name, ListenerFollow.followed_at)
        .join(User, User.id == ListenerFollow.followed_id)
        .where(ListenerFollow.follower_id == follower, seen_by(viewer, ListenerFollow.followed_id))
    )
    newest = _behind(theirs, ListenerFollow.followed_at, ListenerFollow.followed_id, after)
    return [(*row,) for row in await db.execute(newest.limit(limit))]


async def followers_of(
    db: Reading, followed: UserId, viewer: UserId, after: Position | None, limit: int
) -> Sequence[Row]:
    """The listeners who follow a listener, as far as the viewer may see them."""
    theirs = (
        select(User.id, User.display_name, ListenerFollow.followed_at)
        .join(User, User.id == ListenerFollow.follower_id)
        .where(ListenerFollow.followed_id == followed, seen_by(viewer, ListenerFollow.follower_id))
    )
    newest = _behind(theirs, ListenerFollow.followed_at, ListenerFollow.follower_id, after)
    return [(*row,) for row in await db.execute(newest.limit(limit))]


async def artists_of(db: Reading, follower: UserId, after: Position | None, limit: int) -> Sequence[Row]:
    """The artists whom a listener follows."""
    theirs = (
        select(Artist.id, Artist.name, ArtistFollow.followed_at)
        .join(Artist, Artist.id == ArtistFollow.artist_id)
        .where(ArtistFollow.follower_id == follower)
    )
    newest = _behind(theirs, ArtistFollow.followed_at, ArtistFollow.artist_id, after)
    return [(*row,) for row in await db.execute(newest.limit(limit))]


def _behind(
    rows: Select[int, str, datetime],
    since: InstrumentedAttribute[datetime],
    number: InstrumentedAttribute[int],
    after: Position | None,
) -> Select[*tuple[Any, ...]]:
    """The rows behind a position, the newest first."""
    if after is not None:
        rows = rows.where(tuple_(since, number) < after)
    return rows.order_by(since.desc(), number.desc())
