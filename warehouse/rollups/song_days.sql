-- One row per day and song: what song_days must add up to, counted from listens without what was taken back.
SELECT toDate(listened_at) AS day, song_id, toInt64(count()) AS listens
FROM valid_listens
GROUP BY day, song_id
