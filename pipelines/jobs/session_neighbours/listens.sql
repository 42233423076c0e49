-- One row per listen that was valid and not broken off early, of the last while before the moment: who, what, when it
-- began and how long it was heard. Of too many the newest. What was heard in private sessions says nothing of others.
SELECT
    listener_id,
    song_id,
    toUnixTimestamp64Milli(listened_at) AS at_ms,
    played_ms
FROM valid_listens
WHERE NOT is_private
    AND outcome != 'skip_early'
    AND listened_at < fromUnixTimestamp64Milli({at_ms:Int64}, 'UTC')
    AND listened_at >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
ORDER BY listened_at DESC
LIMIT {most:UInt64}
