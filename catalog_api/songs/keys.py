"""The keys under which answers that show songs are kept: what changes a song drops them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from foundation.cache import Kind

SONG = Kind("song", "song:{}:metadata", timedelta(hours=1))
ALBUM = Kind("album", "album:{}", timedelta(hours=1))
ARTIST = Kind("artist", "artist:{}", timedelta(hours=1))
PLAYLIST = Kind("playlist", "playlist:{}", timedelta(minutes=15))


class Shown(NamedTuple):
    """A song, and where it is seen."""

    song_id: int
    artist_id: int
    album_id: int | None


def keys_of(songs: Iterable[Shown], playlists: Iterable[int] = ()) -> list[str]:
    """Every key whose answer shows one of these songs, once.

    >>> keys_of([Shown(1, 2, 3), Shown(4, 2, None)], playlists=[5])
    ['song:1:metadata', 'artist:2', 'album:3', 'song:4:metadata', 'playlist:5']
    """
    keys: dict[str, None] = {}
    for song in songs:
        keys[SONG.key(song.song_id)] = None
        keys[ARTIST.key(song.artist_id)] = None
        if song.album_id is not None:
            keys[ALBUM.key(song.album_id)] = None
    keys |= dict.fromkeys(PLAYLIST.key(playlist) for playlist in playlists)
    return list(keys)
