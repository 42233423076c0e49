-- One row per given artist: what it is called now, as its newest song tells.
SELECT artist_id, argMax(artist, version) AS artist
FROM songs
WHERE artist_id IN {ids:Array(UInt64)}
GROUP BY artist_id
