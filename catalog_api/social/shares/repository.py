"""Keeps the songs that people send to each other."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import aliased

from catalog_api.artists.tables import Artist
from catalog_api.listeners.tables import User
from catalog_api.social.people.repository import seen_by
from catalog_api.social.tables import Share
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading, Writing
from foundation.ids import SongId, UserId

_From, _To = aliased(User), aliased(User)


class Shared(NamedTuple):
    """A share with the names of all that it concerns."""

    share: Share
    from_name: str
    to_name: str
    title: str
    artist_id: int
    artist: str


async def add(db: Writing, sender: UserId, to: UserId, song: SongId, message: str, at: datetime) -> Shared:
    """Write a share."""
    told = {"from_id": sender, "to_id": to, "song_id": song, "message": message, "shared_at": at}
    number = (await db.execute(insert(Share).values(told).returning(Share.id))).scalar_one()
    return Shared(*(await db.execute(_named().where(Share.id == number))).one())


async def received(db: Reading, listener: UserId, before: int | None, limit: int) -> Sequence[Shared]:
    """What was sent to a listener, the newest first, but for what comes from those whom a block parts from them."""
    theirs = _named().where(Share.to_id == listener, seen_by(listener, Share.from_id))
    return await _newest(db, theirs, before, limit)


async def sent(db: Reading, listener: UserId, before: int | None, limit: int) -> Sequence[Shared]:
    """What a listener sent, the newest first."""
    return await _newest(db, _named().where(Share.from_id == listener), before, limit)


async def see(db: Writing, listener: UserId, number: int, at: datetime) -> bool:
    """Whether the listener's inbox holds this share, which from now on is seen, if it was not before."""
    seen = (
        update(Share)
        .where(Share.id == number, Share.to_id == listener, seen_by(listener, Share.from_id))
        .values(seen_at=func.coalesce(Share.seen_at, at))
        .returning(Share.id)
    )
    return (await db.execute(seen)).scalar() is not None


def _named() -> Select[*tuple[Any, ...]]:
    return (
        select(Share, _From.display_name, _To.display_name, Song.title, Artist.id, Artist.name)
        .join(_From, _From.id == Share.from_id)
        .join(_To, _To.id == Share.to_id)
        .join(Song, Song.id == Share.song_id)
        .join(Artist, Artist.id == Song.artist_id)
    )


async def _newest(
    db: Reading, shares: Select[*tuple[Any, ...]], before: int | None, limit: int
) -> Sequence[Shared]:
    if before is not None:
        shares = shares.where(Share.id < before)
    return [Shared(*row) for row in await db.execute(shares.order_by(Share.id.desc()).limit(limit))]
