-- One row per day, listener and song: what listener_song_days must add up to.
SELECT toDate(listened_at) AS day, listener_id, song_id, toInt64(count()) AS listens
FROM valid_listens
GROUP BY day, listener_id, song_id
