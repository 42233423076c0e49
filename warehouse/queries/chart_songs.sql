-- One row per given song: what it, its artist and its album (id 0: none) are called now, and its genre. Songs gone from the catalog are
-- in no chart.
SELECT song_id, title, artist_id, artist, album_id, album, toString(genre) AS genre
FROM songs FINAL
WHERE song_id IN {ids:Array(UInt64)} AND NOT is_removed
