-- The album of a song: charts add its songs up. 0 where it is on none, or was told before we asked.
ALTER TABLE songs ADD COLUMN IF NOT EXISTS album_id UInt64 AFTER album;

-- The playlist that a song was played from; 0 where it was none, and in private sessions.
ALTER TABLE playback_events ADD COLUMN IF NOT EXISTS playlist_id UInt64 AFTER position;
ALTER TABLE listens ADD COLUMN IF NOT EXISTS playlist_id UInt64 AFTER position;
ALTER TABLE removals ADD COLUMN IF NOT EXISTS playlist_id UInt64 AFTER position;

-- A view knows the columns of the day it was made.
CREATE OR REPLACE VIEW valid_listens AS
SELECT * FROM listens WHERE (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals);

CREATE OR REPLACE VIEW listens_as_of AS
SELECT *
FROM listens
WHERE ingested_at <= {as_of:DateTime64(3, 'UTC')}
    AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals WHERE removed_at <= {as_of:DateTime64(3, 'UTC')});

-- One row per playlist and change: whether everyone may see it, and nothing else of it. The highest version is the valid one.
CREATE TABLE IF NOT EXISTS playlists
(
    playlist_id UInt64,
    is_public Bool,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY playlist_id
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Listens that came from a playlist, as chart_hours has all of them: one row per hour, playlist, song, country and hour of telling.
CREATE TABLE IF NOT EXISTS playlist_hours
(
    hour DateTime('UTC'),
    playlist_id UInt64,
    song_id UInt64,
    country LowCardinality(String),
    told DateTime('UTC') DEFAULT toStartOfHour(now('UTC')),
    listens SimpleAggregateFunction(sum, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY (hour, playlist_id, song_id, country, told)
TTL hour + INTERVAL 40 DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS playlist_hours_from_listens TO playlist_hours AS
SELECT toStartOfHour(toDateTime(listened_at, 'UTC')) AS hour, playlist_id, song_id, country,
    toStartOfHour(toDateTime(ingested_at, 'UTC')) AS told, toInt64(count()) AS listens
FROM listens
WHERE playlist_id != 0
GROUP BY hour, playlist_id, song_id, country, told;

CREATE MATERIALIZED VIEW IF NOT EXISTS playlist_hours_from_removals TO playlist_hours AS
SELECT toStartOfHour(toDateTime(listened_at, 'UTC')) AS hour, playlist_id, song_id, country,
    toStartOfHour(toDateTime(removed_at, 'UTC')) AS told, -toInt64(count()) AS listens
FROM removals
WHERE playlist_id != 0
GROUP BY hour, playlist_id, song_id, country, told;

-- The same by day, for ever.
CREATE TABLE IF NOT EXISTS playlist_days
(
    day Date,
    playlist_id UInt64,
    song_id UInt64,
    country LowCardinality(String),
    told DateTime('UTC') DEFAULT toStartOfHour(now('UTC')),
    listens SimpleAggregateFunction(sum, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY (day, playlist_id, song_id, country, told)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS playlist_days_from_listens TO playlist_days AS
SELECT toDate(listened_at) AS day, playlist_id, song_id, country,
    toStartOfHour(toDateTime(ingested_at, 'UTC')) AS told, toInt64(count()) AS listens
FROM listens
WHERE playlist_id != 0
GROUP BY day, playlist_id, song_id, country, told;

CREATE MATERIALIZED VIEW IF NOT EXISTS playlist_days_from_removals TO playlist_days AS
SELECT toDate(listened_at) AS day, playlist_id, song_id, country,
    toStartOfHour(toDateTime(removed_at, 'UTC')) AS told, -toInt64(count()) AS listens
FROM removals
WHERE playlist_id != 0
GROUP BY day, playlist_id, song_id, country, told;

-- Whose listen it was and from which playlist: so that whoever repeats is known as soon as the listen is.
ALTER TABLE fresh_listens ADD COLUMN IF NOT EXISTS listener_id UInt64 AFTER country;
ALTER TABLE fresh_listens ADD COLUMN IF NOT EXISTS play_id UUID AFTER listener_id;
ALTER TABLE fresh_listens ADD COLUMN IF NOT EXISTS playlist_id UInt64 AFTER play_id;
ALTER TABLE fresh_listens_from_listens MODIFY QUERY
SELECT ingested_at, listened_at, song_id, country, listener_id, play_id, playlist_id, toInt8(1) AS sign
FROM listens;
ALTER TABLE fresh_listens_from_removals MODIFY QUERY
SELECT removed_at AS ingested_at, listened_at, song_id, country, listener_id, play_id, playlist_id, toInt8(-1) AS sign
FROM removals;

-- Searches are kept for as long as a month's chart looks back.
ALTER TABLE searches MODIFY TTL toDateTime(searched_at) + INTERVAL 130 DAY;
