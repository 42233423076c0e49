-- One row per hour, playlist, song and country: what playlist_hours must add up to.
SELECT toStartOfHour(toDateTime(listened_at, 'UTC')) AS hour, playlist_id, song_id, country, toInt64(count()) AS listens
FROM valid_listens
WHERE playlist_id != 0
GROUP BY hour, playlist_id, song_id, country
