-- One row per listener, song and day of which the blocks after {position} up to {newest} tell and that may have more than {cap} listens: as
-- the rollup has it, and what is fresh once more, since that may not be in the rollup yet. Keys are compared as hashes first,
-- which takes half as long as comparing three columns.
WITH new AS (
    SELECT DISTINCT toDate(listened_at) AS day, listener_id, song_id
    FROM fresh_listens
    WHERE ingested_at >= now('UTC') - toIntervalSecond({lookback:UInt32}) AND listener_id != 0
        AND _block_number > {position:UInt64} AND _block_number <= {newest:UInt64}
)
SELECT toString(day) AS day, listener_id, song_id
FROM (
    SELECT toDate(listened_at) AS day, listener_id, song_id, toInt64(1) AS listens
    FROM fresh_listens
    WHERE ingested_at >= now('UTC') - toIntervalSecond({lookback:UInt32})
        AND cityHash64(toDate(listened_at), listener_id, song_id) IN (SELECT cityHash64(day, listener_id, song_id) FROM new)
    UNION ALL
    SELECT day, listener_id, song_id, listens
    FROM listener_song_days
    PREWHERE cityHash64(day, listener_id, song_id) IN (SELECT cityHash64(day, listener_id, song_id) FROM new)
    WHERE (day, listener_id, song_id) IN (SELECT day, listener_id, song_id FROM new)
)
GROUP BY day, listener_id, song_id
HAVING sum(listens) > {cap:UInt16}
