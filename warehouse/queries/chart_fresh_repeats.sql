-- One row per song, playlist it was played from (0: none), country and minute: how many repeats more or less there are by the block
-- {newest} than by the block {position}, of these listeners, songs and days ({keys}) alone. A repeat is a listen beyond the {cap}th of
-- one listener, song and day, in the order in which they were.
SELECT song_id, playlist_id, toString(country) AS country,
    toUnixTimestamp(toStartOfMinute(toDateTime(listened_at, 'UTC'))) AS minute,
    sum(toInt64(is_there > 0 AND nth > {cap:UInt16}) - toInt64(was_there > 0 AND nth_before > {cap:UInt16})) AS repeats
FROM (
    SELECT song_id, playlist_id, country, listened_at, is_there, was_there,
        sum(is_there) OVER in_order AS nth, sum(was_there) OVER in_order AS nth_before
    FROM (
        SELECT listener_id, song_id, play_id, listened_at, any(playlist_id) AS playlist_id, any(country) AS country,
            toInt64(sum(sign) > 0) AS is_there, toInt64(sum(sign_before) > 0) AS was_there
        FROM (
            SELECT listener_id, song_id, play_id, listened_at, playlist_id, country, toInt64(1) AS sign, toInt64(1) AS sign_before
            FROM listens
            WHERE ingested_at < {closed:DateTime('UTC')} AND listener_id IN {listeners:Array(UInt64)}
                AND (toString(toDate(listened_at)), listener_id, song_id) IN {keys:Array(Tuple(String, UInt64, UInt64))}
            UNION ALL
            SELECT listener_id, song_id, play_id, listened_at, playlist_id, country, toInt64(-1) AS sign, toInt64(-1) AS sign_before
            FROM removals
            WHERE removed_at < {closed:DateTime('UTC')} AND listener_id IN {listeners:Array(UInt64)}
                AND (toString(toDate(listened_at)), listener_id, song_id) IN {keys:Array(Tuple(String, UInt64, UInt64))}
            UNION ALL
            SELECT listener_id, song_id, play_id, listened_at, playlist_id, country, toInt64(sign) AS sign,
                if(_block_number <= {position:UInt64} OR ingested_at < fromUnixTimestamp({settled:UInt32}), toInt64(sign), 0) AS sign_before
            FROM fresh_listens
            WHERE ingested_at >= {closed:DateTime('UTC')}
                AND (_block_number <= {newest:UInt64} OR ingested_at < fromUnixTimestamp({settled:UInt32}))
                AND (toString(toDate(listened_at)), listener_id, song_id) IN {keys:Array(Tuple(String, UInt64, UInt64))}
        )
        GROUP BY listener_id, song_id, play_id, listened_at
    )
    WINDOW in_order AS (
        PARTITION BY listener_id, song_id, toDate(listened_at) ORDER BY listened_at, play_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)
GROUP BY song_id, playlist_id, country, minute
HAVING repeats != 0
