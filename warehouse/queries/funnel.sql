-- One row per surface and policy: songs served in some days, those of them that were played, and those listened to.
WITH
shown AS (
    SELECT slate_id, position, any(song_id) AS song, any(surface) AS shown_on, any(policy) AS shown_by
    FROM impressions
    WHERE served_at >= {since:Date} AND served_at < addDays({until:Date}, 1)
        AND ({as_of_ms:Int64} = 0 OR ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
    GROUP BY slate_id, position
),
played AS (
    SELECT DISTINCT assumeNotNull(slate_id) AS slate, song_id AS song
    FROM playback_events
    WHERE slate_id IS NOT NULL AND NOT is_private AND started_at >= {since:Date}
        AND ({as_of_ms:Int64} = 0 OR ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
),
listened AS (
    SELECT DISTINCT assumeNotNull(slate_id) AS slate, song_id AS song
    FROM listens
    WHERE slate_id IS NOT NULL AND NOT is_private AND listened_at >= {since:Date}
        AND ({as_of_ms:Int64} = 0 OR ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
        AND (play_id, ingested_at) NOT IN (
            SELECT play_id, ingested_at FROM removals
            WHERE {as_of_ms:Int64} = 0 OR removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        )
)
SELECT
    shown_on AS surface,
    shown_by AS policy,
    uniqExact(slate_id) AS slates,
    count() AS impressions,
    countIf((slate_id, song) IN (played) OR (slate_id, song) IN (listened)) AS plays,
    countIf((slate_id, song) IN (listened)) AS listens
FROM shown
GROUP BY surface, policy
ORDER BY impressions DESC, surface, policy
