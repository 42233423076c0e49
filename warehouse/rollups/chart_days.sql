-- One row per day, song and country: what chart_days must add up to.
SELECT toDate(listened_at) AS day, song_id, country, toInt64(count()) AS listens
FROM valid_listens
GROUP BY day, song_id, country
