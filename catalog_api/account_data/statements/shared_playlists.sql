-- Playlists of others that you were invited to, and how many of their songs you added.
SELECT
    playlist.id AS playlist_id, playlist.name, playlist.user_id AS owner_id,
    member.role, member.invited_by, member.invited_at, member.accepted_at,
    (
        SELECT count(*)
        FROM playlist_songs AS listed
        WHERE listed.playlist_id = playlist.id AND listed.added_by = :user_id
    ) AS songs_added
FROM playlist_members AS member
JOIN playlists AS playlist ON playlist.id = member.playlist_id
WHERE member.user_id = :user_id
ORDER BY playlist.id
