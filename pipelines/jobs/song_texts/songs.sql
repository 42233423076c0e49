-- One row per song as the catalog last told it: the words that name it.
SELECT song_id, title, artist, album, genre
FROM songs FINAL
ORDER BY song_id
