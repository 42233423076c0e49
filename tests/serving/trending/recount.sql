-- One row per song, artist, album or public playlist: how often it was listened to in a window and in the time before it, counted
-- from the listens themselves.
SELECT
    multiIf({of:String} = 'songs', listened.song_id, {of:String} = 'artists', artist_id, {of:String} = 'albums', album_id, playlist_id) AS who,
    countIf(listened_at >= {since:DateTime('UTC')}) AS heard, countIf(listened_at < {before_to:DateTime('UTC')}) AS before
FROM (
    SELECT song_id, playlist_id, country, listened_at,
        row_number() OVER (PARTITION BY listener_id, song_id, toDate(listened_at) ORDER BY listened_at, play_id) AS nth
    FROM listens
    WHERE (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals)
) AS listened
INNER JOIN (SELECT song_id, artist_id, album_id, genre FROM songs FINAL WHERE NOT is_removed) AS songs ON songs.song_id = listened.song_id
WHERE (
        (listened_at >= {since:DateTime('UTC')} AND listened_at < {close:DateTime('UTC')})
        OR (listened_at >= {before_from:DateTime('UTC')} AND listened_at < {before_to:DateTime('UTC')})
    )
    AND ({cap:UInt32} = 0 OR nth <= {cap:UInt32})
    AND ({genre:String} = '*' OR lower(songs.genre) = {genre:String})
    AND ({region:String} = '*' OR country = {region:String})
    AND ({of:String} != 'albums' OR album_id != 0)
    AND ({of:String} != 'playlists' OR playlist_id IN (SELECT playlist_id FROM playlists FINAL WHERE is_public))
GROUP BY who
ORDER BY heard DESC, who
