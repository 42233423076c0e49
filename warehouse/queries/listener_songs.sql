-- One row per song that a listener has ever heard: what it, its artist and its genre are called now.
SELECT song_id, artist_id, genre, title, artist
FROM songs FINAL
WHERE song_id IN (SELECT song_id FROM listens WHERE listener_id = {listener_id:UInt64})
