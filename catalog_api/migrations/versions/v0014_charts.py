"""Charts of albums and playlists: what was said of songs and playlists before they asked is told once more."""

from alembic import op

revision = "v0014_charts"
down_revision = "v0013_history_imports"

ROW_EVENTS = 1000  # of one record of the outbox

ALBUMS = f"""
    INSERT INTO outbox (events)
    SELECT convert_to(json_agg(json_strip_nulls(json_build_object(
        'type', 'song', 'song_id', song.id, 'title', song.title, 'artist_id', song.artist_id, 'artist', artist.name,
        'album', album.title, 'album_id', album.id, 'genre', song.genre, 'song_ms', song.duration_ms,
        'released_on', song.released_on, 'is_explicit', song.is_explicit, 'regions', song.regions,
        'origin', origin.source, 'external_id', origin.external_id,
        'version', (extract(epoch FROM song.updated_at) * 1000000)::bigint)))::text, 'UTF8')
    FROM (SELECT *, row_number() OVER (ORDER BY id) AS place FROM songs WHERE album_id IS NOT NULL) AS song
    JOIN artists AS artist ON artist.id = song.artist_id
    JOIN albums AS album ON album.id = song.album_id
    LEFT JOIN LATERAL (
        SELECT source, external_id
        FROM external_ids
        WHERE kind = 'song' AND id = song.id AND source NOT IN ('isrc', 'musicbrainz')
        ORDER BY source, external_id
        LIMIT 1
    ) AS origin ON true
    GROUP BY song.place / {ROW_EVENTS}
"""  # noqa: S608 - a number of ours
PLAYLISTS = f"""
    INSERT INTO outbox (events)
    SELECT convert_to(json_agg(json_build_object(
        'type', 'playlist', 'playlist_id', id, 'is_public', true,
        'version', (extract(epoch FROM updated_at) * 1000000)::bigint))::text, 'UTF8')
    FROM (SELECT *, row_number() OVER (ORDER BY id) AS place FROM playlists WHERE is_public) AS playlist
    GROUP BY place / {ROW_EVENTS}
"""  # noqa: S608 - as above


def upgrade() -> None:
    """Write it into the outbox: the shipper moves it like any other change."""
    op.execute(ALBUMS)
    op.execute(PLAYLISTS)


def downgrade() -> None:
    """What was told stays true."""
