-- One row per day, playlist, song and country: what playlist_days must add up to.
SELECT toDate(listened_at) AS day, playlist_id, song_id, country, toInt64(count()) AS listens
FROM valid_listens
WHERE playlist_id != 0
GROUP BY day, playlist_id, song_id, country
