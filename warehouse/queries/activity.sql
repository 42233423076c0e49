-- One row per day: its listens, and who listened on it, in the week and in the thirty days that end with it. Now it is
-- read from the rollup; as of a moment (as_of_ms > 0) from listens.
WITH
days AS (
    SELECT day, listener_id, sum(listens) AS listened
    FROM listener_days
    WHERE {as_of_ms:Int64} = 0 AND day > subtractDays({since:Date}, 30) AND day <= {until:Date}
    GROUP BY day, listener_id
    HAVING listened > 0
    UNION ALL
    SELECT toDate(listened_at) AS day, listener_id, toInt64(count()) AS listened
    FROM listens
    WHERE {as_of_ms:Int64} > 0 AND NOT is_private
        AND listened_at >= subtractDays({since:Date}, 29) AND listened_at < addDays({until:Date}, 1)
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals WHERE removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
    GROUP BY day, listener_id
),
states AS (
    SELECT day, uniqExactState(listener_id) AS listeners, sum(listened) AS listened
    FROM days
    GROUP BY day
)
SELECT
    addDays(states.day, ago) AS day,
    sumIf(listened, ago = 0) AS listens,
    uniqExactMergeIf(listeners, ago = 0) AS dau,
    uniqExactMergeIf(listeners, ago < 7) AS wau,
    uniqExactMerge(listeners) AS mau
FROM states
ARRAY JOIN range(30) AS ago
WHERE addDays(states.day, ago) >= {since:Date} AND addDays(states.day, ago) <= {until:Date}
GROUP BY day
ORDER BY day WITH FILL FROM {since:Date} TO addDays({until:Date}, 1)
