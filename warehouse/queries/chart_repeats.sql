UNION ALL
-- Every listen beyond the {cap}th of one listener, song and day, in the order in which they were.
SELECT song_id, country, -toInt64(listened_at >= {since:DateTime('UTC')}) AS heard, -1 - heard AS before, -heard AS removed
FROM (
    SELECT song_id, country, listened_at,
        row_number() OVER (PARTITION BY listener_id, song_id, toDate(listened_at) ORDER BY listened_at, play_id) AS nth
    FROM valid_listens
    WHERE (listener_id, song_id, toDate(listened_at)) IN (
        SELECT listener_id, song_id, day
        FROM listener_song_days FINAL
        WHERE day >= toDate({before_from:DateTime('UTC')}) AND listens > {cap:UInt16}
    )
)
WHERE nth > {cap:UInt16}
    AND (
        (listened_at >= {since:DateTime('UTC')} AND listened_at < {close:DateTime('UTC')})
        OR (listened_at >= {before_from:DateTime('UTC')} AND listened_at < {before_to:DateTime('UTC')})
    )
    /* these */
