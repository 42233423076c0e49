"""Keeps the songs that people send to each other."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, bindparam, func, insert, select, update

from catalog_api.artists.tables import Artist
from catalog_api.listeners.tables import User
from catalog_api.social.people.repository import seen_by
from catalog_api.social.tables import Share
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of, unwatched, whole_number
from foundation.ids import SongId, UserId

_shares = table_of(Share)


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
    number = (await db.execute(insert(_shares).values(told).returning(_shares.c.id))).scalar_one()
    return _told((await db.execute(_named().where(_shares.c.id == number))).one())


async def received(db: Reading, listener: UserId, before: int | None, limit: int) -> Sequence[Shared]:
    """What was sent to a listener, the newest first, but for what comes from those whom a block parts from them."""
    return await _newest(db, _received(is_before=before is not None), listener, before, limit)


@cache
def _received(*, is_before: bool) -> Select[*tuple[Any, ...]]:
    listener = whole_number("listener")
    theirs = _named().where(_shares.c.to_id == listener, seen_by(listener, _shares.c.from_id))
    return _part(theirs, is_before=is_before)


async def sent(db: Reading, listener: UserId, before: int | None, limit: int) -> Sequence[Shared]:
    """What a listener sent, the newest first."""
    return await _newest(db, _sent(is_before=before is not None), listener, before, limit)


@cache
def _sent(*, is_before: bool) -> Select[*tuple[Any, ...]]:
    theirs = _named().where(_shares.c.from_id == bindparam("listener"))
    return _part(theirs, is_before=is_before)


async def see(db: Writing, listener: UserId, number: int, at: datetime) -> bool:
    """Whether the listener's inbox holds this share, which from now on is seen, if it was not before."""
    seen = (
        update(Share)
        .where(Share.id == number, Share.to_id == listener, seen_by(listener, Share.from_id))
        .values(seen_at=func.coalesce(Share.seen_at, at))
        .returning(Share.id)
    )
    return (await db.execute(seen)).scalar() is not None


@cache
def _named() -> Select[*tuple[Any, ...]]:
    sender, receiver = table_of(User).alias("sender"), table_of(User).alias("receiver")
    songs, artists = table_of(Song), table_of(Artist)
    named = (
        sender.c.display_name.label("from_name"),
        receiver.c.display_name.label("to_name"),
        songs.c.title,
        artists.c.id.label("artist_id"),
        artists.c.name.label("artist"),
    )
    return (
        select(*_shares.c, *named)
        .join(sender, sender.c.id == _shares.c.from_id)
        .join(receiver, receiver.c.id == _shares.c.to_id)
        .join(songs, songs.c.id == _shares.c.song_id)
        .join(artists, artists.c.id == songs.c.artist_id)
    )


def _part(shares: Select[*tuple[Any, ...]], *, is_before: bool) -> Select[*tuple[Any, ...]]:
    if is_before:
        shares = shares.where(_shares.c.id < bindparam("before"))
    return shares.order_by(_shares.c.id.desc()).limit(whole_number("limit"))


async def _newest(
    db: Reading, asked: Select[*tuple[Any, ...]], listener: UserId, before: int | None, limit: int
) -> Sequence[Shared]:
    values = {"listener": listener, "limit": limit} | ({} if before is None else {"before": before})
    return [_told(row) for row in await db.execute(asked, values)]


def _told(row: Row[*tuple[Any, ...]]) -> Shared:
    names = (row.from_name, row.to_name, row.title, row.artist_id, row.artist)
    return Shared(unwatched(Share, row), *names)
