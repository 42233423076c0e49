-- told_lyrics: one row per song and language of a history; afterwards each has its song's id.
UPDATE told_lyrics AS told SET id = song.id
FROM told_songs AS song
WHERE song.external_id = told.song_external_id;

-- Two songs of a history may be one of the catalog's. What is known stays.
WITH written AS (
    INSERT INTO lyrics (song_id, language, text, lines, updated_at)
    SELECT id, language, text, lines, %(now)s FROM told_lyrics ORDER BY place
    ON CONFLICT DO NOTHING
    RETURNING song_id, language
)
UPDATE told_lyrics AS told SET is_new = true
FROM written
WHERE written.song_id = told.id AND written.language = told.language;

-- What is kept of a song's lyrics holds no more, in any process. Messages stay below 8,000 bytes; of a new song nothing is kept.
SELECT pg_notify('cache', string_agg('song:' || id || ':lyrics', ' '))
FROM (
    SELECT told.id, row_number() OVER (ORDER BY told.id) / 200 AS message
    FROM (SELECT DISTINCT id FROM told_lyrics WHERE is_new) AS told
    JOIN told_songs AS song ON song.id = told.id AND NOT song.is_new
) AS known
GROUP BY message;
