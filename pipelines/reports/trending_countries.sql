-- One row per country: its listens and listeners.
SELECT country, count() AS listens, uniqExact(listener_id) AS listeners
FROM listens
WHERE listened_at >= {since:Date} AND listened_at < addDays({until:Date}, 1)
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals WHERE removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
GROUP BY country
ORDER BY listens DESC, country
