-- told_songs: one row per song of a catalogue; afterwards each has its id in songs.
UPDATE told_songs AS told SET id = known.id
FROM external_ids AS known
WHERE known.kind = 'song' AND known.source = %(source)s AND known.external_id = told.external_id;

UPDATE told_songs AS told SET id = numbered.id, is_new = true
FROM (
    SELECT place, nextval(pg_get_serial_sequence('songs', 'id')) AS id
    FROM (SELECT place FROM told_songs WHERE id IS NULL ORDER BY place) AS unknown
) AS numbered
WHERE numbered.place = told.place;

INSERT INTO songs (id, artist_id, album_id, title, genre, duration_ms, released_on, created_at, updated_at)
SELECT
    told.id, artist.id, album.id, told.title, told.genre, told.song_ms, told.released_on, %(now)s, %(now)s
FROM told_songs AS told
JOIN told_artists AS artist ON artist.external_id = told.artist_external_id
JOIN told_albums AS album ON album.external_id = told.album_external_id
WHERE told.is_new
ORDER BY told.place;

INSERT INTO external_ids (kind, source, external_id, id)
SELECT 'song', %(source)s, external_id, id FROM told_songs WHERE is_new ORDER BY place;

-- What was not known is filled in; what is known stays.
WITH filled AS (
    UPDATE songs AS kept SET
        album_id = coalesce(kept.album_id, album.id),
        genre = CASE kept.genre WHEN '' THEN told.genre ELSE kept.genre END,
        duration_ms = coalesce(kept.duration_ms, told.song_ms),
        released_on = coalesce(kept.released_on, told.released_on),
        updated_at = greatest(%(now)s, kept.updated_at + interval '1 microsecond')
    FROM told_songs AS told
    JOIN told_albums AS album ON album.external_id = told.album_external_id
    WHERE kept.id = told.id AND NOT told.is_new
        AND (
            kept.album_id IS NULL
            OR kept.genre = '' AND told.genre <> ''
            OR kept.duration_ms IS NULL AND told.song_ms IS NOT NULL
            OR kept.released_on IS NULL AND told.released_on IS NOT NULL
        )
    RETURNING kept.id
)
UPDATE told_songs AS told SET is_changed = true FROM filled WHERE filled.id = told.id;
