-- What a rollup would forget at once is not written into it: an import brings years of listens, and a chart looks back for weeks.
ALTER TABLE chart_hours_from_listens MODIFY QUERY
SELECT toStartOfHour(toDateTime(listened_at, 'UTC')) AS hour, song_id, country,
    toStartOfHour(toDateTime(ingested_at, 'UTC')) AS told, toInt64(count()) AS listens
FROM listens
WHERE listened_at >= now('UTC') - INTERVAL 40 DAY
GROUP BY hour, song_id, country, told;
ALTER TABLE chart_hours_from_removals MODIFY QUERY
SELECT toStartOfHour(toDateTime(listened_at, 'UTC')) AS hour, song_id, country,
    toStartOfHour(toDateTime(removed_at, 'UTC')) AS told, -toInt64(count()) AS listens
FROM removals
WHERE listened_at >= now('UTC') - INTERVAL 40 DAY
GROUP BY hour, song_id, country, told;

ALTER TABLE playlist_hours_from_listens MODIFY QUERY
SELECT toStartOfHour(toDateTime(listened_at, 'UTC')) AS hour, playlist_id, song_id, country,
    toStartOfHour(toDateTime(ingested_at, 'UTC')) AS told, toInt64(count()) AS listens
FROM listens
WHERE playlist_id != 0 AND listened_at >= now('UTC') - INTERVAL 40 DAY
GROUP BY hour, playlist_id, song_id, country, told;
ALTER TABLE playlist_hours_from_removals MODIFY QUERY
SELECT toStartOfHour(toDateTime(listened_at, 'UTC')) AS hour, playlist_id, song_id, country,
    toStartOfHour(toDateTime(removed_at, 'UTC')) AS told, -toInt64(count()) AS listens
FROM removals
WHERE playlist_id != 0 AND listened_at >= now('UTC') - INTERVAL 40 DAY
GROUP BY hour, playlist_id, song_id, country, told;

ALTER TABLE listener_song_days_from_listens MODIFY QUERY
SELECT toDate(listened_at) AS day, listener_id, song_id, toInt64(count()) AS listens
FROM listens
WHERE listened_at >= now('UTC') - INTERVAL 130 DAY
GROUP BY day, listener_id, song_id;
ALTER TABLE listener_song_days_from_removals MODIFY QUERY
SELECT toDate(listened_at) AS day, listener_id, song_id, -toInt64(count()) AS listens
FROM removals
WHERE listened_at >= now('UTC') - INTERVAL 130 DAY
GROUP BY day, listener_id, song_id;
