-- One row per song of the catalog: whose it is.
SELECT song_id, artist_id, artist
FROM songs FINAL
WHERE NOT is_removed
ORDER BY song_id
