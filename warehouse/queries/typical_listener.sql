-- One row: a listener with the median number of listens; of several the first by id.
WITH
counted AS (
    SELECT listener_id, count() AS listens
    FROM valid_listens
    WHERE NOT is_private
    GROUP BY listener_id
)
SELECT listener_id
FROM counted
ORDER BY abs(toInt64(listens) - toInt64((SELECT quantileExactLow(0.5)(listens) FROM counted))), listener_id
LIMIT 1
