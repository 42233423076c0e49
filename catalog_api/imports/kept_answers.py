"""Drops the cached answers that an import made untrue, in every process, when its transaction commits."""

import psycopg

from catalog_api.genres.service import GENRES
from catalog_api.songs.keys import ALBUM, ARTIST, PLAYLIST, SONG
from foundation.cache import CHANNEL
from foundation.engines.postgres_channels import notify_now

# Of what is new nothing is kept. An artist or album that was here shows what is new of theirs.
_CHANGED = {
    SONG: "SELECT id FROM told_songs WHERE is_changed",
    ARTIST: """
        SELECT id FROM told_artists WHERE is_changed AND NOT is_new
        UNION
        SELECT song.artist_id FROM told_songs AS told JOIN songs AS song USING (id)
        WHERE (told.is_new OR told.is_changed) AND song.artist_id NOT IN (SELECT id FROM told_artists WHERE is_new)
    """,
    ALBUM: """
        SELECT id FROM told_albums WHERE is_changed AND NOT is_new
        UNION
        SELECT song.album_id FROM told_songs AS told JOIN songs AS song USING (id)
        WHERE (told.is_new OR told.is_changed) AND song.album_id NOT IN (SELECT id FROM told_albums WHERE is_new)
    """,
    PLAYLIST: """
        SELECT DISTINCT playlist_id FROM playlist_songs
        WHERE song_id IN (SELECT id FROM told_songs WHERE is_changed)
    """,
}


def drop(db: psycopg.Connection) -> None:
    """Drop what shows a row of told_songs, told_albums or told_artists that is new or was completed."""
    keys = [GENRES.key()]
    for kind, changed in _CHANGED.items():
        keys += [kind.key(number) for (number,) in db.execute(changed.encode())]
    notify_now(db, CHANNEL, keys)
