-- One row per artist heard in some days: listens and listeners, and how many of these never listened to them before.
WITH
pairs AS (
    SELECT artist_id, any(artist) AS called, listener_id, min(listened_at) AS first_at, countIf(listened_at >= {since:Date}) AS heard
    FROM listens INNER JOIN (SELECT song_id, artist_id, artist FROM songs FINAL) AS named ON listens.song_id = named.song_id
    WHERE listened_at < addDays({until:Date}, 1)
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals WHERE removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
    GROUP BY artist_id, listener_id
    HAVING heard > 0
)
SELECT
    artist_id, any(called) AS artist, sum(heard) AS listens, count() AS listeners,
    countIf(first_at >= {since:Date}) AS new_listeners, countIf(first_at < {since:Date}) AS returning_listeners
FROM pairs
GROUP BY artist_id
ORDER BY listens DESC, listeners DESC, artist_id
