-- One row per listen that is valid at the moment: who, what, when it began and how long it was heard, the song's genre, and
-- whether it was broken off early. What was heard in private sessions says nothing of taste.
SELECT
    heard.listener_id AS listener_id,
    heard.song_id AS song_id,
    toUnixTimestamp64Milli(heard.listened_at) AS at_ms,
    heard.played_ms AS played_ms,
    heard.outcome = 'skip_early' AS is_skip,
    songs.genre AS kind
FROM valid_listens AS heard
LEFT JOIN (SELECT song_id, argMax(genre, version) AS genre FROM songs GROUP BY song_id) AS songs USING (song_id)
WHERE NOT heard.is_private AND heard.listened_at < fromUnixTimestamp64Milli({at_ms:Int64}, 'UTC')
