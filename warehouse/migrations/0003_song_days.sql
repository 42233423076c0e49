-- One row per day and song: how often it was listened to. Trending reads this, never listens.
-- Signed, so that a row can take back what another counted too much.
CREATE TABLE IF NOT EXISTS song_days
(
    day Date,
    song_id UInt64,
    listens SimpleAggregateFunction(sum, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY (day, song_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS song_days_from_listens TO song_days AS
SELECT toDate(listened_at) AS day, song_id, toInt64(count()) AS listens
FROM listens
GROUP BY day, song_id;
