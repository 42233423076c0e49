-- One row per hour, song, country ('' where unknown) and hour in which we were told: how often it was listened to. Kept
-- for 40 days: five weeks are what a chart looks back by the hour.
-- `told` makes the past of our knowledge unchanging: what was told before this hour is read here, what is newer in
-- fresh_listens, so that no listen is counted twice or missed between the two.
CREATE TABLE IF NOT EXISTS chart_hours
(
    hour DateTime('UTC'),
    song_id UInt64,
    country LowCardinality(String),
    told DateTime('UTC') DEFAULT toStartOfHour(now('UTC')),
    listens SimpleAggregateFunction(sum, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY (hour, song_id, country, told)
TTL hour + INTERVAL 40 DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS chart_hours_from_listens TO chart_hours AS
SELECT toStartOfHour(toDateTime(listened_at, 'UTC')) AS hour, song_id, country,
    toStartOfHour(toDateTime(ingested_at, 'UTC')) AS told, toInt64(count()) AS listens
FROM listens
GROUP BY hour, song_id, country, told;

CREATE MATERIALIZED VIEW IF NOT EXISTS chart_hours_from_removals TO chart_hours AS
SELECT toStartOfHour(toDateTime(listened_at, 'UTC')) AS hour, song_id, country,
    toStartOfHour(toDateTime(removed_at, 'UTC')) AS told, -toInt64(count()) AS listens
FROM removals
GROUP BY hour, song_id, country, told;

-- The same by day, for ever.
CREATE TABLE IF NOT EXISTS chart_days
(
    day Date,
    song_id UInt64,
    country LowCardinality(String),
    told DateTime('UTC') DEFAULT toStartOfHour(now('UTC')),
    listens SimpleAggregateFunction(sum, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY (day, song_id, country, told)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS chart_days_from_listens TO chart_days AS
SELECT toDate(listened_at) AS day, song_id, country,
    toStartOfHour(toDateTime(ingested_at, 'UTC')) AS told, toInt64(count()) AS listens
FROM listens
GROUP BY day, song_id, country, told;

CREATE MATERIALIZED VIEW IF NOT EXISTS chart_days_from_removals TO chart_days AS
SELECT toDate(listened_at) AS day, song_id, country,
    toStartOfHour(toDateTime(removed_at, 'UTC')) AS told, -toInt64(count()) AS listens
FROM removals
GROUP BY day, song_id, country, told;

-- One row per listen (sign 1) or removal (-1) of which we were told lately, in the order of telling: what moves a chart
-- between two counts of the rollups, and the whole of the last hour. Kept for three hours: twice what the hour that is
-- not over yet and the minutes after it can need. The number of a row's block says what was read before.
CREATE TABLE IF NOT EXISTS fresh_listens
(
    ingested_at DateTime64(3, 'UTC'),
    listened_at DateTime64(3, 'UTC'),
    song_id UInt64,
    country LowCardinality(String),
    sign Int8
)
ENGINE = MergeTree
ORDER BY ingested_at
TTL toDateTime(ingested_at) + INTERVAL 3 HOUR
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS fresh_listens_from_listens TO fresh_listens AS
SELECT ingested_at, listened_at, song_id, country, toInt8(1) AS sign
FROM listens;

CREATE MATERIALIZED VIEW IF NOT EXISTS fresh_listens_from_removals TO fresh_listens AS
SELECT removed_at AS ingested_at, listened_at, song_id, country, toInt8(-1) AS sign
FROM removals;

-- One row per day, listener and song: how often they listened to it, privately too. Charts look here for whoever has one
-- song on repeat, four months back; nobody else reads it, and it is forgotten with its listener.
CREATE TABLE IF NOT EXISTS listener_song_days
(
    day Date,
    listener_id UInt64,
    song_id UInt64,
    listens SimpleAggregateFunction(sum, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY (day, listener_id, song_id)
TTL day + INTERVAL 130 DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS listener_song_days_from_listens TO listener_song_days AS
SELECT toDate(listened_at) AS day, listener_id, song_id, toInt64(count()) AS listens
FROM listens
GROUP BY day, listener_id, song_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS listener_song_days_from_removals TO listener_song_days AS
SELECT toDate(listened_at) AS day, listener_id, song_id, -toInt64(count()) AS listens
FROM removals
GROUP BY day, listener_id, song_id;
