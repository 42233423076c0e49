-- One row per song, playlist it was played from (0: none), country and minute: how many listens more or less than at the block
-- {position}, by the block {newest}, and the newest of these blocks. {lookback} reaches a minute beyond the last look: an insert
-- becomes visible after the time that its rows carry.
SELECT song_id, playlist_id, toString(country) AS country,
    toUnixTimestamp(toStartOfMinute(toDateTime(listened_at, 'UTC'))) AS minute,
    sum(toInt64(sign)) AS listens, max(_block_number) AS newest
FROM fresh_listens
WHERE ingested_at >= now('UTC') - toIntervalSecond({lookback:UInt32}) AND _block_number > {position:UInt64}
    AND _block_number <= {newest:UInt64}
GROUP BY song_id, playlist_id, country, minute
LIMIT {most:UInt32}
