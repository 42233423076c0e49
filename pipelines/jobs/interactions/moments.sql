-- One row: when the first and the last listen before the moment were, and the full hour from which on the last fifth
-- of them came, but at least a day before the last one. In milliseconds since 1970; first_ms is 0 where nobody listened.
WITH
hours AS (
    SELECT
        toStartOfHour(listened_at) AS hour,
        count() AS listens,
        min(toUnixTimestamp64Milli(listened_at)) AS earliest_ms,
        max(toUnixTimestamp64Milli(listened_at)) AS latest_ms
    FROM valid_listens
    WHERE NOT is_private AND listened_at < fromUnixTimestamp64Milli({at_ms:Int64}, 'UTC')
    GROUP BY hour
),
counted AS (
    SELECT
        earliest_ms,
        latest_ms,
        toInt64(toUnixTimestamp(hour)) * 1000 AS hour_ms,
        sum(listens) OVER (ORDER BY hour DESC) AS listens_from,
        sum(listens) OVER () AS listens_in_all
    FROM hours
)
SELECT
    min(earliest_ms) AS first_ms,
    max(latest_ms) AS last_ms,
    least(
        maxIf(hour_ms, listens_from >= {share:Float64} * listens_in_all), max(latest_ms) - {least_ms:Int64}
    ) AS split_ms
FROM counted
