UNION ALL
-- Every listen beyond the {cap}th of one listener, song and day, in the order in which they were: of those listens that the rows
-- above know. Who may have so many is looked for by day; what was taken back lately may have been one of them.
SELECT song_id, /* playlist */ AS playlist_id, country, -toInt64(listened_at >= {since:DateTime('UTC')}) AS heard, -1 - heard AS before, -heard AS removed
FROM (
    SELECT song_id, playlist_id, country, listened_at,
        row_number() OVER (PARTITION BY listener_id, song_id, toDate(listened_at) ORDER BY listened_at, play_id) AS nth
    FROM (
        SELECT listener_id, song_id, play_id, listened_at, any(playlist_id) AS playlist_id, any(country) AS country
        FROM (
            SELECT listener_id, song_id, play_id, listened_at, playlist_id, country, toInt64(1) AS sign
            FROM listens
            WHERE ingested_at < {closed:DateTime('UTC')}
            UNION ALL
            SELECT listener_id, song_id, play_id, listened_at, playlist_id, country, toInt64(-1) AS sign
            FROM removals
            WHERE removed_at < {closed:DateTime('UTC')}
            UNION ALL
            SELECT listener_id, song_id, play_id, listened_at, playlist_id, country, toInt64(sign) AS sign
            FROM fresh_listens
            WHERE ingested_at >= {closed:DateTime('UTC')}
                AND (_block_number <= {position:UInt64} OR ingested_at < fromUnixTimestamp({settled:UInt32}))
        )
        WHERE (listener_id, song_id, toDate(listened_at)) IN (
            SELECT listener_id, song_id, day
            FROM listener_song_days FINAL
            WHERE day >= toDate({before_from:DateTime('UTC')}) AND listens > {cap:UInt16}
            UNION ALL
            SELECT listener_id, song_id, toDate(listened_at) AS day
            FROM fresh_listens
            WHERE ingested_at >= {closed:DateTime('UTC')} AND sign < 0 AND listener_id != 0
        )
        GROUP BY listener_id, song_id, play_id, listened_at
        HAVING sum(sign) > 0
    )
)
WHERE nth > {cap:UInt16}
    AND (
        (listened_at >= {since:DateTime('UTC')} AND listened_at < {close:DateTime('UTC')})
        OR (listened_at >= {before_from:DateTime('UTC')} AND listened_at < {before_to:DateTime('UTC')})
    )
    /* these */
