-- One row per told start or end of a play; short-lived, since what counted is kept in listens.
CREATE TABLE IF NOT EXISTS playback_events
(
    play_id UUID,
    kind Enum8('start' = 1, 'end' = 2),
    listener_id UInt64,
    song_id UInt64,
    started_at DateTime64(3, 'UTC'),
    played_ms Nullable(UInt32),
    song_ms Nullable(UInt32),
    source Enum8('organic' = 1, 'recommended' = 2, 'imported' = 3),
    origin LowCardinality(String),
    slate_id Nullable(UUID),
    position Nullable(UInt16),
    received_at DateTime64(3, 'UTC'),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (listener_id, started_at, play_id, kind)
TTL toDateTime(ingested_at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per play that counted; kept for ever. listened_at is when the play began, ingested_at when we knew.
CREATE TABLE IF NOT EXISTS listens
(
    play_id UUID,
    listener_id UInt64,
    song_id UInt64,
    listened_at DateTime64(3, 'UTC'),
    played_ms UInt32,
    source Enum8('organic' = 1, 'recommended' = 2, 'imported' = 3),
    origin LowCardinality(String),
    slate_id Nullable(UUID),
    position Nullable(UInt16),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYear(listened_at)
ORDER BY (listener_id, listened_at, play_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per source, listener and song: plays in all, from sources that tell no times. Never expanded into events.
CREATE TABLE IF NOT EXISTS imported_counts
(
    origin LowCardinality(String),
    listener_id UInt64,
    song_id UInt64,
    plays UInt64,
    received_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(received_at)
ORDER BY (origin, listener_id, song_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per playback event the warehouse holds. The key is the play's id, big-endian: ids that begin with their
-- time sort by it, and a lookup touches few granules. Ids of imports are kept, the others two weeks longer than
-- an event may be late, for events that waited that long for ClickHouse to come back.
CREATE TABLE IF NOT EXISTS seen
(
    play_key FixedString(16),
    kind Enum8('start' = 1, 'end' = 2),
    is_kept Bool,
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (play_key, kind)
TTL toDateTime(ingested_at) + INTERVAL 45 DAY DELETE WHERE NOT is_kept
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
