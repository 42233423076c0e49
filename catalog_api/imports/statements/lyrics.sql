-- told_lyrics: one row per song and language of a history; afterwards each has its song's id.
UPDATE told_lyrics AS told SET id = song.id
FROM told_songs AS song
WHERE song.external_id = told.song_external_id;

-- Two songs of a history may be one of the catalog's. What is known stays.
WITH written AS (
    INSERT INTO lyrics (song_id, language, text)
    SELECT id, language, text FROM told_lyrics ORDER BY place
    ON CONFLICT DO NOTHING
    RETURNING song_id, language
)
UPDATE told_lyrics AS told SET is_new = true
FROM written
WHERE written.song_id = told.id AND written.language = told.language;
