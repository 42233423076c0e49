"""Reads and writes songs, with the names of their artists and albums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    DateTime,
    Row,
    Select,
    bindparam,
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

from catalog_api.external_ids.repository import named
from catalog_api.listeners.tables import ExternalId
from catalog_api.songs.keys import Shown
from catalog_api.songs.schemas import SongOut
from catalog_api.songs.tables import ALBUMS, ARTISTS, PLAYLIST_SONGS, PLAYLISTS, Song
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import among, table_of, whole_number
from foundation.ids import SongId

_songs = table_of(Song)

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
        """The question, for these songs only; which they are is told when it is asked, as `values`."""
        return _these(asked, frozenset(self.values))

    @property
    def values(self) -> dict[str, Any]:
        """What of this matters."""
        given = {"artist_id": self.artist_id, "album_id": self.album_id, "genre": self.genre, "ids": self.ids}
        return {name: value for name, value in given.items() if value is not None}

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


def _these(asked: Select[*tuple[Any, ...]], given: frozenset[str]) -> Select[*tuple[Any, ...]]:
    for name in sorted(given - {"ids"}):
        asked = asked.where(_songs.c[name] == bindparam(name))
    return asked.where(among(_songs.c.id, "ids")) if "ids" in given else asked


def _named() -> Select[*tuple[Any, ...]]:
    return (
        select(
            _songs.c.id,
            _songs.c.title,
            _songs.c.artist_id,
            ARTISTS.c.name.label("artist"),
            _songs.c.album_id,
            ALBUMS.c.title.label("album"),
            ALBUMS.c.cover_key,
            _songs.c.duration_ms,
            _songs.c.genre,
            _songs.c.play_count,
            _songs.c.released_on,
            _songs.c.is_explicit,
            _songs.c.regions,
            _songs.c.track_number,
            named("song", _songs.c.id).label("external_ids"),
        )
        .join(ARTISTS, ARTISTS.c.id == _songs.c.artist_id)
        .outerjoin(ALBUMS, ALBUMS.c.id == _songs.c.album_id)
    )


async def by_id(db: Reading, song_id: SongId) -> NamedSong | None:
    """The song of this id, None where there is none."""
    return (await db.execute(_one(), {"song_id": song_id})).one_or_none()


@cache
def _one() -> Select[*tuple[Any, ...]]:
    return _named().where(_songs.c.id == bindparam("song_id"))


async def by_ids(db: Reading, song_ids: Sequence[int]) -> Sequence[NamedSong]:
    """Those of these songs that there are, in no order."""
    return (await db.execute(_some(), {"ids": list(song_ids)})).all()


@cache
def _some() -> Select[*tuple[Any, ...]]:
    return _these(_named(), frozenset({"ids"}))


async def listed(db: Reading, which: Which, limit: int, offset: int) -> Sequence[NamedSong]:
    """Some of these songs, the oldest of the catalog first."""
    asked = which.values | {"limit": limit, "offset": offset}
    return (await db.execute(_listed(frozenset(which.values)), asked)).all()


@cache
def _listed(given: frozenset[str]) -> Select[*tuple[Any, ...]]:
    return _part(_these(_named(), given).order_by(_songs.c.id))


async def most_played(db: Reading, artist_id: int, limit: int, offset: int) -> Sequence[NamedSong]:
    """Some of an artist's songs, the most played first."""
    asked = {"artist_id": artist_id, "limit": limit, "offset": offset}
    return (await db.execute(_most_played(), asked)).all()


@cache
def _most_played() -> Select[*tuple[Any, ...]]:
    of_the_artist = _these(_named(), frozenset({"artist_id"}))
    return _part(of_the_artist.order_by(_songs.c.play_count.desc(), _songs.c.id))


async def on_album(db: Reading, album_id: int, limit: int) -> Sequence[NamedSong]:
    """An album's songs in the order of their track numbers; those without one come last."""
    return (await db.execute(_on_album(), {"album_id": album_id, "limit": limit, "offset": 0})).all()


@cache
def _on_album() -> Select[*tuple[Any, ...]]:
    on_it = _these(_named(), frozenset({"album_id"}))
    return _part(on_it.order_by(_songs.c.track_number.nulls_last(), _songs.c.id))


def _part(asked: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return asked.limit(whole_number("limit")).offset(whole_number("offset"))


async def count(db: Reading, which: Which) -> int:
    """How many these are."""
    return int(await db.scalar(_counted(frozenset(which.values)), which.values) or 0)


@cache
def _counted(given: frozenset[str]) -> Select[*tuple[Any, ...]]:
    return _these(select(func.count(_songs.c.id)), given)


async def ids_of(db: Reading, which: Which) -> list[int]:
    """The ids of these songs."""
    return list(await db.scalars(which.of(select(_songs.c.id)), which.values))


async def length_of(db: Reading, song_id: SongId) -> tuple[int | None] | None:
    """The song's length in milliseconds, itself None where unknown; None where there is no such song."""
    row = (await db.execute(select(_songs.c.duration_ms).where(_songs.c.id == song_id))).one_or_none()
    return (row[0],) if row is not None else None


async def lengths_of(db: Reading, song_ids: Sequence[int]) -> dict[int, int | None]:
    """The lengths of those of these songs that there are, in milliseconds."""
    asked = select(_songs.c.id, _songs.c.duration_ms).where(among(_songs.c.id, "ids"))
    rows = await db.execute(asked, {"ids": list(song_ids)})
    return {row.id: row.duration_ms for row in rows}


async def owner_of(db: Reading, song_id: SongId) -> Owned | None:
    """Whose song it is; None where there is no such song."""
    asked = select(ARTISTS.c.id, ARTISTS.c.owner_id).join(Song, _songs.c.artist_id == ARTISTS.c.id)
    row = (await db.execute(asked.where(_songs.c.id == song_id))).one_or_none()
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
    added = insert(_songs).values(**values, created_at=now, updated_at=now).returning(_songs.c.id)
    return SongId((await db.execute(added)).scalar_one())


async def change(db: Writing, song_id: SongId, values: Mapping[str, Any]) -> None:
    """Write what is different."""
    if values:
        await db.execute(update(_songs).where(_songs.c.id == song_id).values(**values))


async def lock(db: Writing, song_id: SongId) -> None:
    """Let nobody else change the song until this transaction ends."""
    await db.execute(select(_songs.c.id).where(_songs.c.id == song_id).with_for_update(key_share=True))


async def stamp(db: Writing, now: datetime, songs: Which) -> list[int]:
    """Note that these songs, or what is shown with them, change now; returns which, ascending.

    The note is later than the one before it, also where the clocks of two machines differ: it orders what is told.
    """
    # In order of ids, as all do who change many songs: so nobody waits in a circle.
    ordered = songs.of(select(_songs.c.id)).order_by(_songs.c.id)
    ids = list(await db.scalars(ordered.with_for_update(key_share=True), songs.values))
    later = func.greatest(literal(now, DateTime(timezone=True)), _songs.c.updated_at + _A_MOMENT)
    await db.execute(update(_songs).where(among(_songs.c.id, "ids")).values(updated_at=later), {"ids": ids})
    return ids


async def as_told(db: Writing, song_ids: Sequence[int]) -> Sequence[Row[*tuple[Any, ...]]]:
    """What the rest of Segue is told of these songs, with the id of the import that each came from."""
    origin = (
        select(ExternalId.source, ExternalId.external_id)
        .where(ExternalId.kind == "song", ExternalId.id == _songs.c.id, ExternalId.source.not_in(OWN_SOURCES))
        .order_by(ExternalId.source, ExternalId.external_id)
        .limit(1)
        .lateral("origin")
    )
    told = (
        select(
            _songs.c.id,
            _songs.c.title,
            _songs.c.artist_id,
            ARTISTS.c.name.label("artist"),
            _songs.c.album_id,
            ALBUMS.c.title.label("album"),
            _songs.c.genre,
            _songs.c.duration_ms,
            _songs.c.released_on,
            _songs.c.is_explicit,
            _songs.c.regions,
            _songs.c.updated_at,
            origin.c.source,
            origin.c.external_id,
        )
        .join(ARTISTS, ARTISTS.c.id == _songs.c.artist_id)
        .outerjoin(ALBUMS, ALBUMS.c.id == _songs.c.album_id)
        .outerjoin(origin, true())
        .where(among(_songs.c.id, "ids"))
    )
    return (await db.execute(told.order_by(_songs.c.id), {"ids": list(song_ids)})).all()


async def shown_on(db: Writing, song_ids: Sequence[int]) -> list[int]:
    """Playlists that hold one of these songs, at most PLAYLISTS_AT_ONCE."""
    holding = select(PLAYLIST_SONGS.c.playlist_id).where(among(PLAYLIST_SONGS.c.song_id, "ids")).distinct()
    return list(await db.scalars(holding.limit(PLAYLISTS_AT_ONCE), {"ids": list(song_ids)}))


async def shown(db: Writing, song_ids: Sequence[int]) -> list[Shown]:
    """Where these songs are seen."""
    asked = select(_songs.c.id, _songs.c.artist_id, _songs.c.album_id).where(among(_songs.c.id, "ids"))
    rows = await db.execute(asked, {"ids": list(song_ids)})
    return [Shown(*row) for row in rows]


async def take_off_playlists(db: Writing, song_id: SongId, now: datetime) -> list[int]:
    """Take the song off every playlist, as if each had been edited; returns which."""
    holding = select(PLAYLIST_SONGS.c.playlist_id).where(PLAYLIST_SONGS.c.song_id == song_id)
    # Who edits a playlist locks it before its songs, and so do we.
    first = select(PLAYLISTS.c.id).where(PLAYLISTS.c.id.in_(holding)).order_by(PLAYLISTS.c.id)
    await db.execute(first.with_for_update(key_share=True))
    await db.execute(select(_songs.c.id).where(_songs.c.id == song_id).with_for_update())
    taken = delete(PLAYLIST_SONGS).where(PLAYLIST_SONGS.c.song_id == song_id)
    ids = list(await db.scalars(taken.returning(PLAYLIST_SONGS.c.playlist_id)))
    edited = {
        "version": PLAYLISTS.c.version + 1,
        "updated_at": literal(now, DateTime(timezone=True)),
    }
    await db.execute(update(PLAYLISTS).where(among(PLAYLISTS.c.id, "ids")).values(edited), {"ids": ids})
    return ids


async def remove(db: Writing, song_id: SongId) -> None:
    """Take the song out, with whatever hangs on it."""
    await db.execute(delete(_songs).where(_songs.c.id == song_id))


async def any_of(db: Writing, which: Which) -> bool:
    """Whether there is such a song."""
    return bool(await db.scalar(select(exists(which.of(select(_songs.c.id)))), which.values))
