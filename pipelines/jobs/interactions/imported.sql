-- One row per listener and song: the plays of all sources that tell no times, as far as they were known at the moment.
SELECT
    listener_id,
    song_id,
    sum(plays) AS listens
FROM imported_counts FINAL
WHERE received_at < fromUnixTimestamp64Milli({at_ms:Int64}, 'UTC')
GROUP BY listener_id, song_id
