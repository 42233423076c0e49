"""A playlist as it is told: the same bytes for everyone who may read it, kept in the cache."""

from catalog_api.playlists import repository
from catalog_api.playlists.repository import Whole
from catalog_api.playlists.schemas import (
    OwnerOut,
    PlaylistOut,
    PlaylistSongOut,
    SongAlbumOut,
    SongArtistOut,
)
from foundation.engines.postgres import Reading
from foundation.ids import PlaylistId

FIRST = 100  # songs that are told with the playlist itself
HALF_A_SECOND = 500


async def found(db: Reading, playlist_id: PlaylistId) -> PlaylistOut | None:
    """The playlist with its first songs; None where there is none of this id. Who may read it is not asked."""
    whole = await repository.whole(db, playlist_id, FIRST)
    return None if whole is None else told(whole)


async def encoded(db: Reading, playlist_id: PlaylistId) -> bytes | None:
    """The same as the bytes that are answered."""
    playlist = await found(db, playlist_id)
    return None if playlist is None else playlist.model_dump_json().encode()


def told(whole: Whole) -> PlaylistOut:
    playlist = whole.playlist
    return PlaylistOut(
        is_public=playlist.is_public,
        readers=None if playlist.is_public else [playlist.user_id, *whole.members],
        playlist_id=playlist.id,
        name=playlist.name,
        description=playlist.description,
        owner=OwnerOut(user_id=playlist.user_id, display_name=whole.owner),
        is_collaborative=whole.has_editors,
        version=playlist.version,
        song_count=whole.song_count,
        duration=in_seconds(whole.duration_ms),
        songs=songs_of(whole),
        created_at=playlist.created_at,
        updated_at=playlist.updated_at,
    )


def songs_of(whole: Whole, offset: int = 0) -> list[PlaylistSongOut]:
    """The songs that were read, the first of which stands at `offset`."""
    return [
        PlaylistSongOut(
            position=position,
            song_id=song.song_id,
            title=song.title,
            artist=SongArtistOut(artist_id=song.artist_id, name=song.artist),
            album=None if song.album_id is None else SongAlbumOut(album_id=song.album_id, title=song.album),
            duration=None if song.song_ms is None else in_seconds(song.song_ms),
            is_explicit=song.is_explicit,
            added_by=song.added_by,
            added_at=song.added_at,
        )
        for position, song in enumerate(whole.songs, start=offset)
    ]


def in_seconds(milliseconds: int) -> int:
    """
    >>> in_seconds(354_320), in_seconds(354_500)
    (354, 355)
    """
    return (milliseconds + HALF_A_SECOND) // 1000
