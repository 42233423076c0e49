-- One row: how many songs of an artist the warehouse has been told of, and what the artist is called.
SELECT count() AS songs, anyLast(artist) AS artist
FROM songs FINAL
WHERE artist_id = {artist_id:UInt64}
