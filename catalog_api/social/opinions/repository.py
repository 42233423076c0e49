"""Keeps what listeners love and hide, and lists it, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Final, Literal, TypeAlias

from sqlalchemy import Column, bindparam, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert

from catalog_api.artists.tables import Artist
from catalog_api.social.positions import Position
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
    told = {
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
    theirs = (
        select(Song.id, Song.title, Artist.id, Artist.name, SongOpinion.said_at)
        .select_from(SongOpinion)
        .join(Song, Song.id == SongOpinion.song_id)
        .join(Artist, Artist.id == Song.artist_id)
        .where(SongOpinion.user_id == listener, SongOpinion.opinion == opinion)
        .order_by(SongOpinion.said_at.desc(), SongOpinion.song_id.desc())
    )
    if after is not None:
        theirs = theirs.where(tuple_(SongOpinion.said_at, SongOpinion.song_id) < after)
    return [(*row,) for row in await db.execute(theirs.limit(limit))]


async def artists(
    db: Reading, listener: UserId, opinion: Opinion, after: Position | None, limit: int
) -> Sequence[tuple[int, str, datetime]]:
    """Artists of whom the listener thinks so: id, name, since when."""
    theirs = (
        select(Artist.id, Artist.name, ArtistOpinion.said_at)
        .select_from(ArtistOpinion)
        .join(Artist, Artist.id == ArtistOpinion.artist_id)
        .where(ArtistOpinion.user_id == listener, ArtistOpinion.opinion == opinion)
        .order_by(ArtistOpinion.said_at.desc(), ArtistOpinion.artist_id.desc())
    )
    if after is not None:
        theirs = theirs.where(tuple_(ArtistOpinion.said_at, ArtistOpinion.artist_id) < after)
    return [(*row,) for row in await db.execute(theirs.limit(limit))]
