-- One row per listener and song: how often it was listened to before the moment, and when last.
SELECT
    listener_id,
    song_id,
    count() AS listens,
    max(listened_at) AS last_listened_at
FROM listens
WHERE listened_at < fromUnixTimestamp64Milli({at_ms:Int64}, 'UTC')
GROUP BY listener_id, song_id
