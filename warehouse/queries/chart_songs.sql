-- One row per given song: what it and its artist are called now, and its genre. Songs gone from the catalog are in no chart.
SELECT song_id, title, artist_id, artist, toString(genre) AS genre
FROM songs FINAL
WHERE song_id IN {ids:Array(UInt64)} AND NOT is_removed
