-- One row per given song: what it and its artist are called now.
SELECT song_id, title, artist_id, artist
FROM songs FINAL
WHERE song_id IN {song_ids:Array(UInt64)}
