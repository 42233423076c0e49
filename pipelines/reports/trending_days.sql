-- One row per day and genre: its listens.
SELECT toDate(listened_at) AS day, genre, count() AS listens
FROM listens LEFT ANY JOIN (SELECT song_id, genre FROM songs FINAL) AS named ON listens.song_id = named.song_id
WHERE listened_at >= {since:Date} AND listened_at < addDays({until:Date}, 1)
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals WHERE removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
GROUP BY day, genre
ORDER BY day, genre
