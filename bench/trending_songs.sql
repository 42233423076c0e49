-- One row per song: how often it was listened to, from the listens themselves, most first.
SELECT song_id, count() AS heard
FROM listens
WHERE listened_at >= {since:DateTime('UTC')} AND listened_at < {close:DateTime('UTC')}
    AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals)
    AND ({region:String} = '' OR country = {region:String})
    AND ({genre:String} = '' OR song_id IN (SELECT song_id FROM songs FINAL WHERE lower(genre) = {genre:String}))
GROUP BY song_id
ORDER BY heard DESC, song_id
LIMIT {limit:UInt32}
