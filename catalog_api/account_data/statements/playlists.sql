-- Your playlists with their songs in order, the people you invited, and the links you shared them by.
SELECT
    playlist.id AS playlist_id, playlist.name, playlist.description, playlist.is_public,
    playlist.created_at, playlist.updated_at,
    (
        SELECT coalesce(json_agg(json_build_object(
            'song_id', song.id, 'title', song.title, 'artist', artist.name,
            'added_by', listed.added_by, 'added_at', listed.added_at
        ) ORDER BY listed.place), '[]')
        FROM playlist_songs AS listed
        JOIN songs AS song ON song.id = listed.song_id
        JOIN artists AS artist ON artist.id = song.artist_id
        WHERE listed.playlist_id = playlist.id
    ) AS songs,
    (
        SELECT coalesce(json_agg(json_build_object(
            'user_id', member.user_id, 'role', member.role, 'invited_at', member.invited_at,
            'accepted_at', member.accepted_at
        ) ORDER BY member.invited_at, member.user_id), '[]')
        FROM playlist_members AS member
        WHERE member.playlist_id = playlist.id
    ) AS members,
    (
        SELECT coalesce(json_agg(json_build_object(
            'created_at', link.created_at, 'expires_at', link.expires_at
        ) ORDER BY link.created_at, link.id), '[]')
        FROM share_links AS link
        WHERE link.playlist_id = playlist.id
    ) AS links
FROM playlists AS playlist
WHERE playlist.user_id = :user_id
ORDER BY playlist.id
