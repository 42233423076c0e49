-- One row per cohort and week since: how many of those who first listened in the week that begins on `cohort` (a Monday)
-- listened in that later week. Now it is read from the rollup; as of a moment (as_of_ms > 0) from listens.
WITH
days AS (
    SELECT day, listener_id
    FROM listener_days
    WHERE {as_of_ms:Int64} = 0 AND day <= {until:Date}
    GROUP BY day, listener_id
    HAVING sum(listens) > 0
    UNION ALL
    SELECT DISTINCT toDate(listened_at) AS day, listener_id
    FROM listens
    WHERE {as_of_ms:Int64} > 0 AND NOT is_private AND listened_at < addDays({until:Date}, 1)
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals WHERE removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64}))
),
people AS (
    SELECT listener_id, groupUniqArray(toMonday(day)) AS mondays, arrayMin(mondays) AS cohort
    FROM days
    GROUP BY listener_id
)
SELECT cohort, intDiv(arrayJoin(mondays) - cohort, 7) AS week, count() AS listeners
FROM people
WHERE cohort >= toMonday({since:Date})
GROUP BY cohort, week
ORDER BY cohort, week
