"""Finds songs by the names that others have for them, and those names by the songs."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Select, Text, func, literal, select

from catalog_api.albums.tables import Album
from catalog_api.artists.tables import Artist
from catalog_api.listeners.tables import ExternalId
from catalog_api.playlists.tables import PlaylistSong
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading
from foundation.ids import PlaylistId

SOURCES = ("isrc", "musicbrainz")


class Track(NamedTuple):
    """A song with all that a document tells of it."""

    song_id: int
    title: str
    artist: str
    album: str | None
    duration_ms: int | None
    track_number: int | None


class Titled(NamedTuple):
    """A song and what it is called."""

    song_id: int
    title: str
    artist: str


async def by_ids(db: Reading, song_ids: Iterable[int]) -> list[Titled]:
    """Those of these songs that the catalog has."""
    named = _titled().where(Song.id.in_(song_ids))
    return [Titled(*row) for row in await db.execute(named)]


async def by_external_ids(db: Reading, source: str, external_ids: Iterable[str]) -> dict[str, int]:
    """The songs that a source calls so, by its names."""
    named = (
        select(ExternalId.external_id, ExternalId.id)
        .join(Song, Song.id == ExternalId.id)
        .where(
            ExternalId.kind == "song",
            ExternalId.source == source,
            ExternalId.external_id.in_(external_ids),
        )
    )
    return {row.external_id: row.id for row in await db.execute(named)}


async def by_names(db: Reading, titles: Iterable[str], artists: Iterable[str]) -> list[Titled]:
    """Songs of these titles by these artists, whatever the case of their letters; the most played first."""
    named = _titled().where(
        func.lower(Artist.name).in_(_lowered(artists)), func.lower(Song.title).in_(_lowered(titles))
    )
    return [Titled(*row) for row in await db.execute(named.order_by(Song.play_count.desc(), Song.id))]


def _titled() -> Select[int, str, str]:
    return select(Song.id, Song.title, Artist.name).join(Artist, Artist.id == Song.artist_id)


def _lowered(texts: Iterable[str]) -> Select[Any]:
    # Postgres lowers both sides: its idea of a letter's case depends on its locale.
    return select(func.lower(func.unnest(literal(list(texts), ARRAY(Text())))))


async def tracks(db: Reading, playlist_id: PlaylistId) -> Sequence[Track]:
    """The songs of a playlist in their order: id, title, artist, album, milliseconds, number on the album."""
    in_order = (
        select(
            Song.id,
            Song.title,
            Artist.name.label("artist"),
            Album.title.label("album"),
            Song.duration_ms,
            Song.track_number,
        )
        .join(PlaylistSong, PlaylistSong.song_id == Song.id)
        .join(Artist, Artist.id == Song.artist_id)
        .outerjoin(Album, Album.id == Song.album_id)
        .where(PlaylistSong.playlist_id == playlist_id)
        .order_by(PlaylistSong.place)
    )
    return [Track(*row) for row in await db.execute(in_order)]


async def names_of(db: Reading, playlist_id: PlaylistId) -> Sequence[tuple[int, str, str]]:
    """What the sources that documents cite call the songs of a playlist: id, source, name there."""
    named = (
        select(ExternalId.id, ExternalId.source, ExternalId.external_id)
        .join(PlaylistSong, PlaylistSong.song_id == ExternalId.id)
        .where(
            PlaylistSong.playlist_id == playlist_id,
            ExternalId.kind == "song",
            ExternalId.source.in_(SOURCES),
        )
        .order_by(ExternalId.id, ExternalId.source, ExternalId.external_id)
    )
    return [(song_id, source, name) for song_id, source, name in await db.execute(named)]
