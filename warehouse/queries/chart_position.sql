-- One row: the newest block of fresh_listens within the last minutes (0: none), and what time the warehouse has.
SELECT max(_block_number) AS newest, toUnixTimestamp(now('UTC')) AS at
FROM fresh_listens
WHERE ingested_at >= now('UTC') - INTERVAL 2 MINUTE
