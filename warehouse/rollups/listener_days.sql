-- One row per day and listener: what listener_days must add up to, counted from listens without what was taken back.
SELECT toDate(listened_at) AS day, listener_id, toInt64(count()) AS listens, sum(toInt64(played_ms)) AS played_ms
FROM valid_listens
WHERE NOT is_private
GROUP BY day, listener_id
