"""Keeps what listeners love and hide, and lists it, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from catalog_api.artists.tables import Artist
from catalog_api.social.positions import Position
from catalog_api.social.tables import ArtistOpinion, SongOpinion
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading, Writing
from foundation.ids import UserId

Kind: TypeAlias = Literal["song", "artist"]
Opinion: TypeAlias = Literal["love", "hide"]

_COLUMNS: dict[Kind, InstrumentedAttribute[int]] = {
    "song": SongOpinion.song_id,
    "artist": ArtistOpinion.artist_id,
}


async def say(db: Writing, listener: UserId, kind: Kind, target: int, opinion: Opinion, at: datetime) -> bool:
    """Whether this is another opinion than before; of each target a listener has one."""
    column = _COLUMNS[kind]
    table = column.class_
    first = insert(table).values({"user_id": listener, column.key: target, "opinion": opinion, "said_at": at})
    said = first.on_conflict_do_update(
        index_elements=[table.user_id, column],
        set_={"opinion": opinion, "said_at": at},
        where=table.opinion != opinion,
    ).returning(column)
    return (await db.execute(said)).scalar() is not None


async def withdraw(db: Writing, listener: UserId, kind: Kind, target: int, opinion: Opinion) -> bool:
    """Whether the listener was of this opinion, and now is of none."""
    column = _COLUMNS[kind]
    table = column.class_
    gone = delete(table).where(table.user_id == listener, column == target, table.opinion == opinion)
    return (await db.execute(gone.returning(column))).scalar() is not None


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
