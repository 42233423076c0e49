"""Reads and writes songs, with the names of their artists and albums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Row,
    Select,
    any_,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from catalog_api.external_ids.repository import named
from catalog_api.listeners.tables import ExternalId
from catalog_api.songs.keys import Shown
from catalog_api.songs.schemas import SongOut
from catalog_api.songs.tables import ALBUMS, ARTISTS, PLAYLIST_SONGS, PLAYLISTS, Song
from foundation.engines.postgres import Reading, Writing
from foundation.ids import SongId

NamedSong: TypeAlias = Row[*tuple[Any, ...]]
"""A song with the names and ids that people know it by."""

PLAYLISTS_AT_ONCE = (
    10_000  # whose kept answers one change drops; those beyond it are told anew within a quarter of an hour
)
OWN_SOURCES = ("isrc", "musicbrainz")  # ids that a song is given, not the import it came from
_A_MOMENT = text("interval '1 microsecond'")


@dataclass(frozen=True, slots=True)
class Which:
    """Which songs of all; what is None does not matter."""

    artist_id: int | None = None
    album_id: int | None = None
    genre: str | None = None
    ids: Sequence[int] | None = None

    def of(self, asked: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """The question, for these songs only."""
        if self.artist_id is not None:
            asked = asked.where(Song.artist_id == self.artist_id)
        if self.album_id is not None:
            asked = asked.where(Song.album_id == self.album_id)
        if self.genre is not None:
            asked = asked.where(Song.genre == self.genre)
        if self.ids is not None:
            asked = asked.where(among(Song.id, self.ids))
        return asked

    def holds(self, song: SongOut) -> bool:
        """Whether this is one of them, by what it is told to be."""
        return (
            self.artist_id in {None, song.artist.artist_id}
            and self.genre in {None, song.genre}
            and (self.album_id is None or (song.album is not None and song.album.album_id == self.album_id))
        )


class Owned(NamedTuple):
    """An artist and whose it is."""

    artist_id: int
    owner_id: int | None


def among(column: ColumnElement[int] | Any, ids: Sequence[int]) -> ColumnElement[bool]:
    """Whether the column holds one of these, however many: they travel as one value."""
    return column == any_(literal(list(ids), ARRAY(BigInteger)))


def _named() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Song.id,
            Song.title,
            Song.artist_id,
            ARTISTS.c.name.label("artist"),
            Song.album_id,
            ALBUMS.c.title.label("album"),
            ALBUMS.c.cover_key,
            Song.duration_ms,
            Song.genre,
            Song.play_count,
            Song.released_on,
            Song.is_explicit,
            Song.regions,
            Song.track_number,
            named("song", Song.id).label("external_ids"),
        )
        .join(ARTISTS, ARTISTS.c.id == Song.artist_id)
        .outerjoin(ALBUMS, ALBUMS.c.id == Song.album_id)
    )


async def by_id(db: Reading, song_id: SongId) -> NamedSong | None:
    """The song of this id, None where there is none."""
    return (await db.execute(_named().where(Song.id == song_id))).one_or_none()


async def by_ids(db: Reading, song_ids: Sequence[int]) -> Sequence[NamedSong]:
    """Those of these songs that there are, in no order."""
    return (await db.execute(_named().where(among(Song.id, song_ids)))).all()


async def listed(db: Reading, which: Which, limit: int, offset: int) -> Sequence[NamedSong]:
    """Some of these songs, the oldest of the catalog first."""
    return (await db.execute(which.of(_named()).order_by(Song.id).limit(limit).offset(offset))).all()


async def most_played(db: Reading, artist_id: int, limit: int, offset: int) -> Sequence[NamedSong]:
    """Some of an artist's songs, the most played first."""
    of_the_artist = _named().where(Song.artist_id == artist_id)
    in_order = of_the_artist.order_by(Song.play_count.desc(), Song.id)
    return (await db.execute(in_order.limit(limit).offset(offset))).all()


async def on_album(db: Reading, album_id: int, limit: int) -> Sequence[NamedSong]:
    """An album's songs in the order of their track numbers; those without one come last."""
    on_it = _named().where(Song.album_id == album_id)
    return (await db.execute(on_it.order_by(Song.track_number.nulls_last(), Song.id).limit(limit))).all()


async def count(db: Reading, which: Which) -> int:
    """How many these are."""
    return int(await db.scalar(which.of(select(func.count(Song.id)))) or 0)


async def ids_of(db: Reading, which: Which) -> list[int]:
    """The ids of these songs."""
    return list(await db.scalars(which.of(select(Song.id))))


async def length_of(db: Reading, song_id: SongId) -> tuple[int | None] | None:
    """The song's length in milliseconds, itself None where unknown; None where there is no such song."""
    row = (await db.execute(select(Song.duration_ms).where(Song.id == song_id))).one_or_none()
    return (row[0],) if row is not None else None


async def lengths_of(db: Reading, song_ids: Sequence[int]) -> dict[int, int | None]:
    """The lengths of those of these songs that there are, in milliseconds."""
    rows = await db.execute(select(Song.id, Song.duration_ms).where(among(Song.id, song_ids)))
    return {row.id: row.duration_ms for row in rows}


async def owner_of(db: Reading, song_id: SongId) -> Owned | None:
    """Whose song it is; None where there is no such song."""
    asked = select(ARTISTS.c.id, ARTISTS.c.owner_id).join(Song, Song.artist_id == ARTISTS.c.id)
    row = (await db.execute(asked.where(Song.id == song_id))).one_or_none()
    return None if row is None else Owned(*row)


async def artist_kept(db: Writing, artist_id: int) -> Owned | None:
    """The artist, who cannot be removed until the transaction ends; None where there is none."""
    asked = select(ARTISTS.c.id, ARTISTS.c.owner_id).where(ARTISTS.c.id == artist_id)
    row = (await db.execute(asked.with_for_update(key_share=True, read=True))).one_or_none()
    return None if row is None else Owned(*row)


async def album_kept(db: Writing, album_id: int) -> int | None:
    """Whose album it is; it cannot be removed until the transaction ends. None where there is none."""
    asked = select(ALBUMS.c.artist_id).where(ALBUMS.c.id == album_id)
    return await db.scalar(asked.with_for_update(key_share=True, read=True))


async def add(db: Writing, now: datetime, values: Mapping[str, Any]) -> SongId:
    """Write a new song; returns its id."""
    added = insert(Song).values(**values, created_at=now, updated_at=now).returning(Song.id)
    return SongId((await db.execute(added)).scalar_one())


async def change(db: Writing, song_id: SongId, values: Mapping[str, Any]) -> None:
    """Write what is different."""
    if values:
        unsynchronized = {"synchronize_session": False}
        await db.execute(
            update(Song).where(Song.id == song_id).values(**values), execution_options=unsynchronized
        )


async def lock(db: Writing, song_id: SongId) -> None:
    """Let nobody else change the song until this transaction ends."""
    await db.execute(select(Song.id).where(Song.id == song_id).with_for_update(key_share=True))


async def stamp(db: Writing, now: datetime, songs: Which) -> list[int]:
    """Note that these songs, or what is shown with them, change now; returns which, ascending.

    The note is later than the one before it, also where the clocks of two machines differ: it orders what is told.
    """
    # In order of ids, as all do who change many songs: so nobody waits in a circle.
    ordered = songs.of(select(Song.id)).order_by(Song.id)
    ids = list(await db.scalars(ordered.with_for_update(key_share=True)))
    later = func.greatest(literal(now, DateTime(timezone=True)), Song.updated_at + _A_MOMENT)
    await db.execute(
        update(Song).where(among(Song.id, ids)).values(updated_at=later),
        execution_options={"synchronize_session": False},
    )
    return ids


async def as_told(db: Writing, song_ids: Sequence[int]) -> Sequence[Row[*tuple[Any, ...]]]:
    """What the rest of Segue is told of these songs, with the id of the import that each came from."""
    origin = (
        select(ExternalId.source, ExternalId.external_id)
        .where(ExternalId.kind == "song", ExternalId.id == Song.id, ExternalId.source.not_in(OWN_SOURCES))
        .order_by(ExternalId.source, ExternalId.external_id)
        .limit(1)
        .lateral("origin")
    )
    told = (
        select(
            Song.id,
            Song.title,
            Song.artist_id,
            ARTISTS.c.name.label("artist"),
            Song.album_id,
            ALBUMS.c.title.label("album"),
            Song.genre,
            Song.duration_ms,
            Song.released_on,
            Song.is_explicit,
            Song.regions,
            Song.updated_at,
            origin.c.source,
            origin.c.external_id,
        )
        .join(ARTISTS, ARTISTS.c.id == Song.artist_id)
        .outerjoin(ALBUMS, ALBUMS.c.id == Song.album_id)
        .outerjoin(origin, true())
        .where(among(Song.id, song_ids))
    )
    return (await db.execute(told.order_by(Song.id))).all()


async def shown_on(db: Writing, song_ids: Sequence[int]) -> list[int]:
    """Playlists that hold one of these songs, at most PLAYLISTS_AT_ONCE."""
    holding = select(PLAYLIST_SONGS.c.playlist_id).where(among(PLAYLIST_SONGS.c.song_id, song_ids)).distinct()
    return list(await db.scalars(holding.limit(PLAYLISTS_AT_ONCE)))


async def shown(db: Writing, song_ids: Sequence[int]) -> list[Shown]:
    """Where these songs are seen."""
    rows = await db.execute(select(Song.id, Song.artist_id, Song.album_id).where(among(Song.id, song_ids)))
    return [Shown(*row) for row in rows]


async def take_off_playlists(db: Writing, song_id: SongId, now: datetime) -> list[int]:
    """Take the song off every playlist, as if each had been edited; returns which."""
    holding = select(PLAYLIST_SONGS.c.playlist_id).where(PLAYLIST_SONGS.c.song_id == song_id)
    # Who edits a playlist locks it before its songs, and so do we.
    first = select(PLAYLISTS.c.id).where(PLAYLISTS.c.id.in_(holding)).order_by(PLAYLISTS.c.id)
    await db.execute(first.with_for_update(key_share=True))
    await db.execute(select(Song.id).where(Song.id == song_id).with_for_update())
    taken = delete(PLAYLIST_SONGS).where(PLAYLIST_SONGS.c.song_id == song_id)
    ids = list(await db.scalars(taken.returning(PLAYLIST_SONGS.c.playlist_id)))
    edited = {
        "version": PLAYLISTS.c.version + 1,
        "updated_at": literal(now, DateTime(timezone=True)),
    }
    await db.execute(update(PLAYLISTS).where(among(PLAYLISTS.c.id, ids)).values(edited))
    return ids


async def remove(db: Writing, song_id: SongId) -> None:
    """Take the song out, with whatever hangs on it."""
    await db.execute(delete(Song).where(Song.id == song_id), execution_options={"synchronize_session": False})


async def any_of(db: Writing, which: Which) -> bool:
    """Whether there is such a song."""
    return bool(await db.scalar(select(exists(which.of(select(Song.id))))))
