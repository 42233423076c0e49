-- One row per listener and song: how often it was listened to before the moment, how often before an earlier one that
-- parts past and future, and when last. What was heard in private sessions says nothing of taste.
SELECT
    listener_id,
    song_id,
    count() AS listens,
    countIf(listened_at < fromUnixTimestamp64Milli({split_ms:Int64}, 'UTC')) AS listens_before,
    max(listened_at) AS last_listened_at
FROM valid_listens
WHERE NOT is_private AND listened_at < fromUnixTimestamp64Milli({at_ms:Int64}, 'UTC')
GROUP BY listener_id, song_id
