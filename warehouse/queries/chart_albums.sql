-- One row per given album: what it and its artist are called now, as its newest song tells.
SELECT album_id, argMax(album, version) AS album, argMax(artist_id, version) AS artist_id, argMax(artist, version) AS artist
FROM songs
WHERE album_id IN {ids:Array(UInt64)}
GROUP BY album_id
