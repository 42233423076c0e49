-- One row per song of the catalog as it was last told: the words that name it.
SELECT song_id, title, artist, album, genre
FROM songs FINAL
WHERE NOT is_removed
ORDER BY song_id
