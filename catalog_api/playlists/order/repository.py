"""Reads and writes the places of songs on a playlist that is locked."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Insert, Select, bindparam, delete, func, insert, select, update

from catalog_api.playlists.order.places import GAP
from catalog_api.playlists.tables import PlaylistSong
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import among, table_of
from foundation.ids import PlaylistId, SongId, UserId

_placed, _songs = table_of(PlaylistSong), table_of(Song)

Neighbours = tuple[int | None, int | None]
"""The places between which something goes; None where nothing stands on that side."""


async def count(db: Reading, playlist_id: PlaylistId) -> int:
    """How many songs are on the playlist."""
    counted = select(func.count()).where(PlaylistSong.playlist_id == playlist_id)
    return await db.scalar(counted) or 0


class Standing(NamedTuple):
    """What is on a playlist, as far as one who adds songs must know."""

    songs: int
    held: frozenset[int]  # of the songs that were asked about
    last: int | None  # the place of the last one
    known: frozenset[int]  # of the songs that were asked about, those that the catalog has


async def standing(db: Writing, playlist_id: PlaylistId, song_ids: Sequence[SongId]) -> Standing:
    """How many songs are on the playlist, and which of these are; those that there are stay until this transaction ends."""
    asked = {"playlist_id": playlist_id, "song_ids": song_ids}
    number, held, last, known = (await db.execute(_standing(), asked)).one()
    return Standing(number, frozenset(held or ()), last, frozenset(known or ()))


@cache
def _standing() -> Select[*tuple[Any, ...]]:
    asked = select(_songs.c.id).where(among(_songs.c.id, "song_ids")).order_by(_songs.c.id)
    kept = asked.with_for_update(read=True, key_share=True).cte("kept")
    known = select(func.array_agg(kept.c.id)).scalar_subquery()
    held = func.array_agg(_placed.c.song_id).filter(among(_placed.c.song_id, "song_ids"))
    counted = select(func.count(), held, func.max(_placed.c.place), known)
    return counted.where(_placed.c.playlist_id == bindparam("playlist_id"))


async def place_of(db: Reading, playlist_id: PlaylistId, song_id: SongId) -> int | None:
    """Where a song stands; None where it is not on the playlist."""
    there = select(PlaylistSong.place).where(
        PlaylistSong.playlist_id == playlist_id, PlaylistSong.song_id == song_id
    )
    return await db.scalar(there)


async def at_end(db: Reading, playlist_id: PlaylistId, without: SongId | None = None) -> Neighbours:
    """The neighbours of what comes to the end."""
    last = select(func.max(PlaylistSong.place)).where(*_others(playlist_id, without))
    return await db.scalar(last), None


async def at_position(
    db: Reading, playlist_id: PlaylistId, position: int, without: SongId | None = None
) -> Neighbours:
    """The neighbours of what comes to a position in the order of all songs but `without`."""
    in_order = select(PlaylistSong.place).where(*_others(playlist_id, without)).order_by(PlaylistSong.place)
    if position == 0:
        return None, await db.scalar(in_order.limit(1))
    around = list(await db.scalars(in_order.offset(position - 1).limit(2)))
    if not around:
        return await at_end(db, playlist_id, without)
    return around[0], around[1] if len(around) > 1 else None


async def before(db: Reading, playlist_id: PlaylistId, place: int, without: SongId) -> Neighbours:
    """The neighbours of what comes just before a place, where a song other than `without` stands."""
    left = select(func.max(PlaylistSong.place)).where(
        *_others(playlist_id, without), PlaylistSong.place < place
    )
    return await db.scalar(left), place


async def after(db: Reading, playlist_id: PlaylistId, place: int, without: SongId) -> Neighbours:
    """The neighbours of what comes just behind a place, where a song other than `without` stands."""
    right = select(func.min(PlaylistSong.place)).where(
        *_others(playlist_id, without), PlaylistSong.place > place
    )
    return place, await db.scalar(right)


def _others(playlist_id: PlaylistId, without: SongId | None) -> Sequence[ColumnElement[bool]]:
    on_it = PlaylistSong.playlist_id == playlist_id
    return (on_it,) if without is None else (on_it, PlaylistSong.song_id != without)


async def put(
    db: Writing,
    playlist_id: PlaylistId,
    songs: Sequence[tuple[SongId, int]],
    added_by: UserId,
    now: datetime,
) -> None:
    """Put songs that are not on the playlist at these places."""
    rows = [
        {
            "playlist_id": playlist_id,
            "song_id": song_id,
            "place": place,
            "added_by": added_by,
            "added_at": now,
        }
        for song_id, place in songs
    ]
    await db.execute(_put(), rows)


@cache
def _put() -> Insert:
    return insert(_placed)


async def move(db: Writing, playlist_id: PlaylistId, song_id: SongId, place: int) -> None:
    """Let a song stand elsewhere."""
    moved = update(PlaylistSong).where(
        PlaylistSong.playlist_id == playlist_id, PlaylistSong.song_id == song_id
    )
    await db.execute(moved.values(place=place))


async def remove(db: Writing, playlist_id: PlaylistId, song_id: SongId) -> bool:
    """Take a song away; whether it was there."""
    gone = (
        delete(PlaylistSong)
        .where(PlaylistSong.playlist_id == playlist_id, PlaylistSong.song_id == song_id)
        .returning(PlaylistSong.song_id)
    )
    return await db.scalar(gone) is not None


async def renumber(db: Writing, playlist_id: PlaylistId) -> None:
    """Number all songs anew in their order, with whole gaps between them."""
    ranked = (
        select(PlaylistSong.song_id, func.row_number().over(order_by=PlaylistSong.place).label("rank"))
        .where(PlaylistSong.playlist_id == playlist_id)
        .subquery("ranked")
    )
    anew = update(PlaylistSong).where(
        PlaylistSong.playlist_id == playlist_id, PlaylistSong.song_id == ranked.c.song_id
    )
    await db.execute(anew.values(place=ranked.c.rank * GAP), execution_options={"synchronize_session": False})
