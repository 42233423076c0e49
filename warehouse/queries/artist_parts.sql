-- One row per day, country and source of an artist's listens, and one for all of them, as known at a moment.
WITH
theirs AS (SELECT song_id FROM songs FINAL WHERE artist_id = {artist_id:UInt64})
SELECT
    multiIf(grouping(day) = 0, 'day', grouping(country) = 0, 'country', grouping(source) = 0, 'source', 'all') AS part,
    multiIf(part = 'day', toString(day), part = 'country', toString(country), part = 'source', toString(source), '') AS name,
    count() AS listens,
    uniqExact(listener_id) AS listeners
FROM (
    SELECT toDate(listened_at) AS day, country, source, listener_id
    FROM listens
    WHERE song_id IN (theirs)
        AND listened_at >= {since:Date} AND listened_at < addDays({until:Date}, 1)
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND (play_id, ingested_at) NOT IN (
            SELECT play_id, ingested_at FROM removals
            WHERE song_id IN (theirs) AND removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        )
)
GROUP BY GROUPING SETS ((day), (country), (source), ())
ORDER BY part, listens DESC, name
