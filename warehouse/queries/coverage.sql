-- One row per surface and policy, and one for all of them ('' and ''): how many songs of the catalogue were served, and how
-- many impressions went to its long tail: to songs beyond the most listened fifth of the catalogue in these days.
WITH
shown AS (
    SELECT slate_id, position, any(song_id) AS song, any(surface) AS shown_on, any(policy) AS shown_by
    FROM impressions
    WHERE served_at >= {since:Date} AND served_at < addDays({until:Date}, 1)
        AND ({as_of_ms:Int64} = 0 OR ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
    GROUP BY slate_id, position
),
(SELECT count() FROM songs FINAL WHERE NOT is_removed) AS catalogue,
counted AS (
    SELECT song_id AS song, sum(listens) AS listened
    FROM song_days
    WHERE {as_of_ms:Int64} = 0 AND day >= {since:Date} AND day <= {until:Date}
    GROUP BY song
    HAVING listened > 0
    UNION ALL
    SELECT song_id AS song, toInt64(count()) AS listened
    FROM listens
    WHERE {as_of_ms:Int64} > 0 AND listened_at >= {since:Date} AND listened_at < addDays({until:Date}, 1)
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals WHERE removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
    GROUP BY song
),
head AS (
    SELECT song FROM (SELECT song, row_number() OVER (ORDER BY listened DESC, song) AS place FROM counted)
    WHERE place <= ceil(catalogue / 5)
)
SELECT
    if(grouping(shown_on) = 0, toString(shown_on), '') AS surface,
    if(grouping(shown_on) = 0, toString(shown_by), '') AS policy,
    catalogue AS catalogue_songs,
    uniqExact(song) AS songs,
    count() AS impressions,
    countIf(song NOT IN (head)) AS tail_impressions
FROM shown
GROUP BY GROUPING SETS ((shown_on, shown_by), ())
ORDER BY surface, policy
