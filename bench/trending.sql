-- One row per song, artist, album or public playlist: how often it was listened to, from the listens themselves; most first, or what
-- rises most.
WITH
heard AS (
    SELECT
        multiIf({of:String} = 'songs', song_id, {of:String} = 'artists', artist_id, {of:String} = 'albums', album_id, playlist_id) AS who,
        lower(genre) AS in_genre, country, listened_at >= {since:DateTime('UTC')} AS is_now
    FROM (
        SELECT song_id, playlist_id, country, listened_at, /* repeat */ AS is_repeat
        FROM listens
        WHERE (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals)
            AND listened_at >= toStartOfDay({before_from:DateTime('UTC')}) AND listened_at < {close:DateTime('UTC')}
    ) AS listened
    INNER JOIN (SELECT song_id, artist_id, album_id, genre FROM songs FINAL) AS songs ON songs.song_id = listened.song_id
    WHERE NOT is_repeat AND ({of:String} != 'playlists' OR playlist_id IN (SELECT playlist_id FROM playlists FINAL WHERE is_public)) AND (
        listened_at >= {since:DateTime('UTC')}
        OR (listened_at >= {before_from:DateTime('UTC')} AND listened_at < {before_to:DateTime('UTC')})
    )
),
whole AS (SELECT countIf(is_now) / countIf(NOT is_now) AS growth FROM heard)
SELECT who, countIf(is_now) AS listens
FROM heard
WHERE ({region:String} = '' OR country = {region:String}) AND ({genre:String} = '' OR in_genre = {genre:String})
GROUP BY who
HAVING listens > 0 /* rises AND (listens + 20) / (countIf(NOT is_now) * (SELECT growth FROM whole) + 20) >= 1.5 rises */
ORDER BY /* rises (listens + 20) / (countIf(NOT is_now) * (SELECT growth FROM whole) + 20) rises */ listens DESC, who
LIMIT {limit:UInt32}
