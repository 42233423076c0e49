-- told_albums: one row per album of a catalogue; afterwards each has its id in albums.
UPDATE told_albums AS told SET id = known.id
FROM external_ids AS known
WHERE known.kind = 'album' AND known.source = %(source)s AND known.external_id = told.external_id;

UPDATE told_albums AS told SET id = numbered.id, is_new = true
FROM (
    SELECT place, nextval(pg_get_serial_sequence('albums', 'id')) AS id
    FROM (SELECT place FROM told_albums WHERE id IS NULL ORDER BY place) AS unknown
) AS numbered
WHERE numbered.place = told.place;

INSERT INTO albums (id, artist_id, title, released_on, created_at, updated_at)
SELECT told.id, artist.id, told.title, told.released_on, %(now)s, %(now)s
FROM told_albums AS told
JOIN told_artists AS artist ON artist.external_id = told.artist_external_id
WHERE told.is_new
ORDER BY told.place;

INSERT INTO external_ids (kind, source, external_id, id)
SELECT 'album', %(source)s, external_id, id FROM told_albums WHERE is_new ORDER BY place;

-- What was not known is filled in; what is known stays.
WITH filled AS (
    UPDATE albums AS kept SET released_on = told.released_on, updated_at = %(now)s
    FROM told_albums AS told
    WHERE kept.id = told.id AND kept.released_on IS NULL AND told.released_on IS NOT NULL
    RETURNING kept.id
)
UPDATE told_albums AS told SET is_changed = true FROM filled WHERE filled.id = told.id;
