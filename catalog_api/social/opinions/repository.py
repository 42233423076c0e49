"""Keeps what listeners love and hide, and lists it, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Column, Select, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert

from catalog_api.artists.tables import Artist
from catalog_api.social.positions import Position
from catalog_api.social.repository import behind, told_of
from catalog_api.social.tables import ArtistOpinion, SongOpinion
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of
from foundation.ids import UserId

Kind: TypeAlias = Literal["song", "artist"]
Opinion: TypeAlias = Literal["love", "hide"]

_COLUMNS: Final[dict[Kind, Column[int]]] = {
    "song": table_of(SongOpinion).c.song_id,
    "artist": table_of(ArtistOpinion).c.artist_id,
}


async def say(db: Writing, listener: UserId, kind: Kind, target: int, opinion: Opinion, at: datetime) -> bool:
    """Whether this is another opinion than before; of each target a listener has one."""
    told = {"listener": listener, "target": target, "said": opinion, "at": at}
    return await db.scalar(_said(kind), told) is not None


@cache
def _said(kind: Kind) -> ReturningInsert[int]:
    column = _COLUMNS[kind]
    table = column.table
    told: dict[Any, Any] = {
        table.c.user_id: bindparam("listener"),
        column: bindparam("target"),
        table.c.opinion: bindparam("said"),
        table.c.said_at: bindparam("at"),
    }
    first = insert(table).values(told)
    return first.on_conflict_do_update(
        index_elements=[table.c.user_id, column],
        set_={"opinion": first.excluded.opinion, "said_at": first.excluded.said_at},
        where=table.c.opinion != first.excluded.opinion,
    ).returning(column)


async def withdraw(db: Writing, listener: UserId, kind: Kind, target: int, opinion: Opinion) -> bool:
    """Whether the listener was of this opinion, and now is of none."""
    told = {"listener": listener, "target": target, "opinion": opinion}
    return await db.scalar(_withdrawn(kind), told) is not None


@cache
def _withdrawn(kind: Kind) -> ReturningDelete[int]:
    column = _COLUMNS[kind]
    table = column.table
    theirs = delete(table).where(
        table.c.user_id == bindparam("listener"),
        column == bindparam("target"),
        table.c.opinion == bindparam("opinion"),
    )
    return theirs.returning(column)


async def songs(
    db: Reading, listener: UserId, opinion: Opinion, after: Position | None, limit: int
) -> Sequence[tuple[int, str, int, str, datetime]]:
    """Songs of which the listener thinks so: id, title, the artist's id and name, since when."""
    asked = {"listener": listener, "opinion": opinion, "limit": limit} | told_of(after)
    return [(*row,) for row in await db.execute(_songs(is_behind=after is not None), asked)]


@cache
def _songs(*, is_behind: bool) -> Select[*tuple[Any, ...]]:
    said, songs, artists = table_of(SongOpinion), table_of(Song), table_of(Artist)
    theirs = (
        select(songs.c.id, songs.c.title, artists.c.id, artists.c.name, said.c.said_at)
        .select_from(said)
        .join(songs, songs.c.id == said.c.song_id)
        .join(artists, artists.c.id == songs.c.artist_id)
        .where(said.c.user_id == bindparam("listener"), said.c.opinion == bindparam("opinion"))
    )
    return behind(theirs, said.c.said_at, said.c.song_id, is_behind=is_behind)


async def artists(
    db: Reading, listener: UserId, opinion: Opinion, after: Position | None, limit: int
) -> Sequence[tuple[int, str, datetime]]:
    """Artists of whom the listener thinks so: id, name, since when."""
    asked = {"listener": listener, "opinion": opinion, "limit": limit} | told_of(after)
    return [(*row,) for row in await db.execute(_artists(is_behind=after is not None), asked)]


@cache
def _artists(*, is_behind: bool) -> Select[*tuple[Any, ...]]:
    said, artists = table_of(ArtistOpinion), table_of(Artist)
    theirs = (
        select(artists.c.id, artists.c.name, said.c.said_at)
        .select_from(said)
        .join(artists, artists.c.id == said.c.artist_id)
        .where(said.c.user_id == bindparam("listener"), said.c.opinion == bindparam("opinion"))
    )
    return behind(theirs, said.c.said_at, said.c.artist_id, is_behind=is_behind)
