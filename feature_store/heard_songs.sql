-- One row per listener who was told of in public at all: every song that they listened to or that was counted for them, and
-- the milliseconds since 1970 at which we were last told of one.
SELECT
    listener_id, groupUniqArray(song_id) AS song_ids, toUnixTimestamp64Milli(max(told_at)) AS told_ms
FROM (
    SELECT listener_id, song_id, ingested_at AS told_at
    FROM listens
    WHERE NOT is_private AND listener_id IN {listeners:Array(UInt64)}
    UNION ALL
    SELECT listener_id, song_id, toDateTime64(received_at, 3, 'UTC') AS told_at
    FROM imported_counts
    WHERE listener_id IN {listeners:Array(UInt64)}
)
GROUP BY listener_id
ORDER BY listener_id
