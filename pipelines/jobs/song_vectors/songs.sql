-- One row per song as the catalog last told it.
SELECT song_id, title, artist_id, artist, album, genre, song_ms, origin, external_id
FROM songs FINAL
ORDER BY song_id
