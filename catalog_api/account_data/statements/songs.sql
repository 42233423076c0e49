-- The songs of your artists, with their lyrics.
SELECT
    song.id AS song_id, song.artist_id, song.album_id, song.title, song.genre, song.duration_ms, song.released_on,
    song.is_explicit, song.regions, song.track_number, song.play_count, song.created_at, song.updated_at,
    (
        SELECT coalesce(json_agg(json_build_object(
            'language', sung.language, 'text', sung.text, 'lines', sung.lines
        ) ORDER BY sung.language), '[]')
        FROM lyrics AS sung
        WHERE sung.song_id = song.id
    ) AS lyrics
FROM songs AS song
JOIN artists AS artist ON artist.id = song.artist_id
WHERE artist.owner_id = :user_id
ORDER BY song.id
