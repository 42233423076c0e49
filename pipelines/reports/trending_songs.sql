-- One row per song heard in some days: its listens, its listeners and the busiest one's share, and its listens in as many days before.
WITH
counted AS (
    SELECT song_id, listener_id, countIf(listened_at >= {since:Date}) AS now, countIf(listened_at < {since:Date}) AS before
    FROM listens
    WHERE listened_at >= subtractDays({since:Date}, dateDiff('day', {since:Date}, {until:Date}) + 1)
        AND listened_at < addDays({until:Date}, 1)
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals WHERE removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
    GROUP BY song_id, listener_id
),
summed AS (
    SELECT song_id, sum(now) AS heard, countIf(now > 0) AS people, max(now) AS busiest, sum(before) AS heard_before
    FROM counted
    GROUP BY song_id
    HAVING heard > 0
)
SELECT
    summed.song_id AS song_id, title, artist, genre, heard AS listens, people AS listeners,
    busiest / heard AS busiest_share, heard_before AS before
FROM summed LEFT ANY JOIN (SELECT song_id, title, artist, genre FROM songs FINAL) AS named
    ON summed.song_id = named.song_id
ORDER BY listens DESC, listeners DESC, song_id
