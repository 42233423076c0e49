-- One row per song that a listener has ever heard: its artist and genre, as the catalog tells of them now.
SELECT song_id, artist_id, genre
FROM songs FINAL
WHERE song_id IN (SELECT song_id FROM listens WHERE listener_id = {listener_id:UInt64})
