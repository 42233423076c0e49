-- One row: who listened to an artist in some days for the first time, and who had before, as known at a moment.
WITH
theirs AS (SELECT song_id FROM songs FINAL WHERE artist_id = {artist_id:UInt64})
SELECT countIf(first_at >= {since:Date}) AS new_listeners, countIf(first_at < {since:Date}) AS returning_listeners
FROM (
    SELECT listener_id, min(listened_at) AS first_at, max(listened_at) AS last_at
    FROM listens
    WHERE song_id IN (theirs)
        AND listened_at < addDays({until:Date}, 1)
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND (play_id, ingested_at) NOT IN (
            SELECT play_id, ingested_at FROM removals
            WHERE song_id IN (theirs) AND removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        )
    GROUP BY listener_id
    HAVING last_at >= {since:Date}
)
