-- One row per policy and position of a slate: how many songs were served there, and how many of them listened to.
WITH
shown AS (
    SELECT slate_id, position, any(song_id) AS song, any(policy) AS shown_by
    FROM impressions
    WHERE served_at >= {since:Date} AND served_at < addDays({until:Date}, 1)
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
    GROUP BY slate_id, position
),
listened AS (
    SELECT DISTINCT assumeNotNull(slate_id) AS slate, song_id AS song
    FROM listens
    WHERE slate_id IS NOT NULL AND NOT is_private AND listened_at >= {since:Date}
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals WHERE removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
)
SELECT shown_by AS policy, position, count() AS impressions, countIf((slate_id, song) IN (listened)) AS listens
FROM shown
GROUP BY policy, position
ORDER BY policy, position
