-- One row per song or artist: how often it was listened to, counted from the listens themselves.
SELECT if({of:String} = 'songs', listened.song_id, songs.artist_id) AS who, count() AS heard
FROM (
    SELECT song_id, country, listened_at,
        row_number() OVER (PARTITION BY listener_id, song_id, toDate(listened_at) ORDER BY listened_at, play_id) AS nth
    FROM listens
    WHERE (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals)
) AS listened
INNER JOIN (SELECT song_id, artist_id, genre FROM songs FINAL WHERE NOT is_removed) AS songs ON songs.song_id = listened.song_id
WHERE listened_at >= {since:DateTime('UTC')} AND listened_at < {close:DateTime('UTC')}
    AND ({cap:UInt32} = 0 OR nth <= {cap:UInt32})
    AND ({genre:String} = '*' OR lower(songs.genre) = {genre:String})
    AND ({region:String} = '*' OR country = {region:String})
GROUP BY who
ORDER BY heard DESC, who
