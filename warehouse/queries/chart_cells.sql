-- Rows that add up, of songs, playlists (0 where all plays count) and countries: listens in a window (heard), in the time that it is compared with (before), and
-- how many of the window were left out as repeats (removed). What was told before {closed} comes from the rollups and what was
-- told later from fresh_listens, up to the block {position}: later blocks are for whoever moves the chart, unless
-- their rows carry a time before {settled}, where nobody looks any more.
SELECT song_id, /* playlist */ AS playlist_id, country, if(hour >= {since:DateTime('UTC')}, listens, 0) AS heard, listens - heard AS before, 0 AS removed
FROM /* hours */
WHERE told < {closed:DateTime('UTC')}
    AND (
        (hour >= {hours1_from:DateTime('UTC')} AND hour < {hours1_to:DateTime('UTC')})
        OR (hour >= {hours2_from:DateTime('UTC')} AND hour < {hours2_to:DateTime('UTC')})
        OR (hour >= {hours3_from:DateTime('UTC')} AND hour < {hours3_to:DateTime('UTC')})
    )
    /* these */
UNION ALL
SELECT song_id, /* playlist */ AS playlist_id, country, if(day >= toDate({since:DateTime('UTC')}), listens, 0) AS heard, listens - heard AS before, 0 AS removed
FROM /* days */
WHERE told < {closed:DateTime('UTC')}
    AND (
        (day >= {days1_from:Date} AND day < {days1_to:Date})
        OR (day >= {days2_from:Date} AND day < {days2_to:Date})
    )
    /* these */
UNION ALL
SELECT song_id, /* playlist */ AS playlist_id, country, if(listened_at >= {since:DateTime('UTC')}, toInt64(sign), 0) AS heard, sign - heard AS before, 0 AS removed
FROM fresh_listens
WHERE (_block_number <= {position:UInt64} OR ingested_at < fromUnixTimestamp({settled:UInt32}))
    AND (
        (
            ingested_at >= {fresh_from:DateTime('UTC')}
            AND listened_at >= {since:DateTime('UTC')} AND listened_at < {close:DateTime('UTC')}
        )
        OR (
            ingested_at >= {closed:DateTime('UTC')}
            AND listened_at >= {before_from:DateTime('UTC')} AND listened_at < {before_to:DateTime('UTC')}
        )
    )
    /* these */
/* without repeats */
