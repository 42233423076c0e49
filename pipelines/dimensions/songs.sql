-- One row per song of the catalog as it was last told.
SELECT song_id, title, artist_id, artist, album, genre, song_ms, released_on, is_explicit, is_everywhere, regions,
    origin, external_id
FROM songs FINAL
WHERE NOT is_removed
ORDER BY song_id
