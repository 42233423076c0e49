-- told_listeners: one row per listener of a history; afterwards each has its id in users.
UPDATE told_listeners AS told SET id = known.id
FROM external_ids AS known
WHERE known.kind = 'listener' AND known.source = %(source)s AND known.external_id = told.external_id;

UPDATE told_listeners AS told SET id = numbered.id, is_new = true
FROM (
    SELECT place, nextval(pg_get_serial_sequence('users', 'id')) AS id
    FROM (SELECT place FROM told_listeners WHERE id IS NULL ORDER BY place) AS unknown
) AS numbered
WHERE numbered.place = told.place;

INSERT INTO users (id, display_name, country, created_at)
SELECT id, external_id, country, %(now)s FROM told_listeners WHERE is_new ORDER BY place;

INSERT INTO external_ids (kind, source, external_id, id)
SELECT 'listener', %(source)s, external_id, id FROM told_listeners WHERE is_new ORDER BY place;

-- What was not known is filled in; what is known stays.
WITH filled AS (
    UPDATE users AS kept SET country = told.country
    FROM told_listeners AS told
    WHERE kept.id = told.id AND kept.country = '' AND told.country <> ''
    RETURNING kept.id
)
UPDATE told_listeners AS told SET is_changed = true FROM filled WHERE filled.id = told.id;
