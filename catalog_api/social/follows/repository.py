"""Keeps who follows whom, and lists both ends, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from sqlalchemy import Column, Select, and_, bindparam, delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert

from catalog_api.artists.tables import Artist
from catalog_api.listeners.tables import User
from catalog_api.social.people.repository import blocking, seen_by
from catalog_api.social.positions import Position
from catalog_api.social.repository import behind, told_of
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
_users, _follows = table_of(User), table_of(ListenerFollow)


async def add(db: Writing, follower: UserId, kind: Kind, target: int, at: datetime) -> bool:
    """Whether the follow is new."""
    return await db.scalar(_added(kind), {"follower": follower, "target": target, "at": at}) is not None


@cache
def _added(kind: Kind) -> ReturningInsert[int]:
    column = _COLUMNS[kind]
    table = column.table
    told: dict[Any, Any] = {
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
    return bool(await db.scalar(_is_followed(), {"follower": follower, "followed": followed}))


@cache
def _is_followed() -> Select[bool]:
    follow = and_(
        _follows.c.follower_id == bindparam("follower"), _follows.c.followed_id == bindparam("followed")
    )
    return select(exists().where(follow))


async def followed_by(
    db: Reading, follower: UserId, viewer: UserId, after: Position | None, limit: int
) -> Sequence[Row]:
    """The listeners whom a listener follows, as far as the viewer may see them."""
    asked = {"of": follower, "viewer": viewer, "limit": limit} | told_of(after)
    return [(*row,) for row in await db.execute(_followed_by(is_behind=after is not None), asked)]


@cache
def _followed_by(*, is_behind: bool) -> Select[*tuple[Any, ...]]:
    return _listeners(_follows.c.follower_id, _follows.c.followed_id, is_behind=is_behind)


async def followers_of(
    db: Reading, followed: UserId, viewer: UserId, after: Position | None, limit: int
) -> Sequence[Row]:
    """The listeners who follow a listener, as far as the viewer may see them."""
    asked = {"of": followed, "viewer": viewer, "limit": limit} | told_of(after)
    return [(*row,) for row in await db.execute(_followers_of(is_behind=after is not None), asked)]


@cache
def _followers_of(*, is_behind: bool) -> Select[*tuple[Any, ...]]:
    return _listeners(_follows.c.followed_id, _follows.c.follower_id, is_behind=is_behind)


def _listeners(of: Column[int], listed: Column[int], *, is_behind: bool) -> Select[*tuple[Any, ...]]:
    """The people at one end of the follows whose other end is `of`."""
    theirs = (
        select(_users.c.id, _users.c.display_name, _follows.c.followed_at)
        .join(_users, _users.c.id == listed)
        .where(of == bindparam("of"), seen_by(whole_number("viewer"), listed))
    )
    return behind(theirs, _follows.c.followed_at, listed, is_behind=is_behind)


async def artists_of(db: Reading, follower: UserId, after: Position | None, limit: int) -> Sequence[Row]:
    """The artists whom a listener follows."""
    asked = {"of": follower, "limit": limit} | told_of(after)
    return [(*row,) for row in await db.execute(_artists_of(is_behind=after is not None), asked)]


@cache
def _artists_of(*, is_behind: bool) -> Select[*tuple[Any, ...]]:
    follows, artists = table_of(ArtistFollow).c, table_of(Artist)
    theirs = (
        select(artists.c.id, artists.c.name, follows.followed_at)
        .join(artists, artists.c.id == follows.artist_id)
        .where(follows.follower_id == bindparam("of"))
    )
    return behind(theirs, follows.followed_at, follows.artist_id, is_behind=is_behind)
