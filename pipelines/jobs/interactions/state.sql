-- One row: a number for each input that differs when the input does. Sums of hashes, so the order of rows is no matter.
WITH
heard AS (
    SELECT count() AS rows, sum(cityHash64(play_id, listener_id, song_id, listened_at)) AS hash
    FROM valid_listens
    WHERE NOT is_private AND listened_at < fromUnixTimestamp64Milli({at_ms:Int64}, 'UTC')
),
imported AS (
    SELECT count() AS rows, sum(cityHash64(origin, listener_id, song_id, plays)) AS hash
    FROM imported_counts FINAL
    WHERE received_at < fromUnixTimestamp64Milli({at_ms:Int64}, 'UTC')
)
SELECT
    heard.rows AS listen_rows,
    heard.hash AS listen_hash,
    imported.rows AS imported_rows,
    imported.hash AS imported_hash
FROM heard CROSS JOIN imported
