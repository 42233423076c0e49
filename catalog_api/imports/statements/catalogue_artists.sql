-- told_artists: one row per artist of a catalogue; afterwards each has its id in artists.
UPDATE told_artists AS told SET id = known.id
FROM external_ids AS known
WHERE known.kind = 'artist' AND known.source = %(source)s AND known.external_id = told.external_id;

-- Who is here by name, and has no id of this source, is the artist of that name there. Of several the first is; and
-- an artist whom somebody owns is theirs alone.
UPDATE told_artists AS told SET id = pair.id, is_named = true, is_changed = true
FROM (
    SELECT DISTINCT ON (theirs.name) theirs.place, ours.id
    FROM (SELECT lower(name) AS name, min(place) AS place FROM told_artists WHERE id IS NULL GROUP BY 1) AS theirs
    JOIN artists AS ours ON lower(ours.name) = theirs.name
    WHERE ours.owner_id IS NULL AND NOT EXISTS (
        SELECT FROM external_ids AS known
        WHERE known.kind = 'artist' AND known.source = %(source)s AND known.id = ours.id
    )
    ORDER BY theirs.name, ours.id
) AS pair
WHERE pair.place = told.place;

UPDATE told_artists AS told SET id = numbered.id, is_new = true
FROM (
    SELECT place, nextval(pg_get_serial_sequence('artists', 'id')) AS id
    FROM (SELECT place FROM told_artists WHERE id IS NULL ORDER BY place) AS unknown
) AS numbered
WHERE numbered.place = told.place;

INSERT INTO artists (id, name, country, created_at, updated_at)
SELECT id, name, country, %(now)s, %(now)s FROM told_artists WHERE is_new ORDER BY place;

INSERT INTO external_ids (kind, source, external_id, id)
SELECT 'artist', %(source)s, external_id, id FROM told_artists WHERE is_new OR is_named ORDER BY place;

-- What was not known is filled in; what is known stays.
WITH filled AS (
    UPDATE artists AS kept SET country = told.country, updated_at = %(now)s
    FROM told_artists AS told
    WHERE kept.id = told.id AND kept.country = '' AND told.country <> ''
    RETURNING kept.id
)
UPDATE told_artists AS told SET is_changed = true FROM filled WHERE filled.id = told.id;
