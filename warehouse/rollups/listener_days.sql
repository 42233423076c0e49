-- One row per day and listener: what listener_days must add up to, counted from listens without those removed.
SELECT toDate(listened_at) AS day, listener_id, toInt64(count()) AS listens, sum(toInt64(played_ms)) AS played_ms
FROM listens
WHERE NOT is_private AND play_id NOT IN (SELECT play_id FROM removals)
GROUP BY day, listener_id
