-- One row per hour, song and country: what chart_hours must add up to.
SELECT toStartOfHour(toDateTime(listened_at, 'UTC')) AS hour, song_id, country, toInt64(count()) AS listens
FROM valid_listens
GROUP BY hour, song_id, country
