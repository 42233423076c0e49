-- The artists that are yours, and their albums.
SELECT
    artist.id AS artist_id, artist.name, artist.country, artist.biography, artist.created_at, artist.updated_at,
    (
        SELECT coalesce(json_agg(json_build_object(
            'album_id', album.id, 'title', album.title, 'released_on', album.released_on,
            'has_cover', album.cover_key IS NOT NULL, 'created_at', album.created_at
        ) ORDER BY album.id), '[]')
        FROM albums AS album
        WHERE album.artist_id = artist.id
    ) AS albums
FROM artists AS artist
WHERE artist.owner_id = :user_id
ORDER BY artist.id
