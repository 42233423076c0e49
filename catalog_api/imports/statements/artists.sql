-- told_artists: one row per artist of a history; afterwards each has its id in artists.
UPDATE told_artists AS told SET id = known.id
FROM external_ids AS known
WHERE known.kind = 'artist' AND known.source = %(source)s AND known.external_id = told.external_id;

UPDATE told_artists AS told SET id = numbered.id, is_new = true
FROM (
    SELECT place, nextval(pg_get_serial_sequence('artists', 'id')) AS id
    FROM (SELECT place FROM told_artists WHERE id IS NULL ORDER BY place) AS unknown
) AS numbered
WHERE numbered.place = told.place;

INSERT INTO artists (id, name, country, created_at, updated_at)
SELECT id, name, country, %(now)s, %(now)s FROM told_artists WHERE is_new ORDER BY place;

INSERT INTO external_ids (kind, source, external_id, id)
SELECT 'artist', %(source)s, external_id, id FROM told_artists WHERE is_new ORDER BY place;
