-- One row per listener, song and day of which the blocks after {position} up to {newest} tell and that may have more than {cap} listens: as
-- the rollup has it, and what is fresh once more, since that may not be in the rollup yet.
WITH touched AS (
    SELECT toDate(listened_at) AS day, listener_id, song_id, toInt64(count()) AS listens
    FROM fresh_listens
    WHERE ingested_at >= now('UTC') - toIntervalSecond({lookback:UInt32}) AND listener_id != 0
    GROUP BY day, listener_id, song_id
    HAVING countIf(_block_number > {position:UInt64} AND _block_number <= {newest:UInt64}) > 0
)
SELECT toString(day) AS day, listener_id, song_id
FROM (
    SELECT day, listener_id, song_id, listens FROM touched
    UNION ALL
    SELECT day, listener_id, song_id, listens
    FROM listener_song_days
    WHERE (day, listener_id, song_id) IN (SELECT day, listener_id, song_id FROM touched)
)
GROUP BY day, listener_id, song_id
HAVING sum(listens) > {cap:UInt16}
