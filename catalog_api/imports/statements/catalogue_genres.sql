-- told_genres: one row per genre of a catalogue, each behind the one that it is a kind of.
WITH written AS (
    INSERT INTO genres (name, parent, created_at)
    SELECT name, parent, %(now)s FROM told_genres ORDER BY place
    ON CONFLICT DO NOTHING
    RETURNING name
)
UPDATE told_genres AS told SET is_new = true FROM written WHERE written.name = told.name;
