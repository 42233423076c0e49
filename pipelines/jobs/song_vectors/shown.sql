-- One row per song that was ever on a slate: how often. A slate that was told twice may count twice until parts merge.
SELECT song_id, count() AS impressions
FROM impressions
GROUP BY song_id
ORDER BY song_id
