-- What a play came to. A heartbeat says how far it has come, a pause that it stands still, an end why it ended.
ALTER TABLE playback_events MODIFY COLUMN kind Enum8('start' = 1, 'end' = 2, 'heartbeat' = 3, 'pause' = 4);
ALTER TABLE playback_events ADD COLUMN IF NOT EXISTS reason LowCardinality(String) AFTER song_ms;
ALTER TABLE playback_events ADD COLUMN IF NOT EXISTS outcome Enum8('unknown' = 0, 'skip_early' = 1, 'skip_late' = 2, 'completed' = 3) AFTER reason;
ALTER TABLE playback_events ADD COLUMN IF NOT EXISTS confidence Float32 AFTER outcome;
ALTER TABLE listens ADD COLUMN IF NOT EXISTS song_ms Nullable(UInt32) AFTER played_ms;
ALTER TABLE listens ADD COLUMN IF NOT EXISTS outcome Enum8('unknown' = 0, 'skip_early' = 1, 'skip_late' = 2, 'completed' = 3) AFTER song_ms;
ALTER TABLE listens ADD COLUMN IF NOT EXISTS confidence Float32 AFTER outcome;

-- 'listen' (5): the play has become a listen, by its end or by a heartbeat. 'removal' (6): it was taken back.
ALTER TABLE seen MODIFY COLUMN kind Enum8('start' = 1, 'end' = 2, 'heartbeat' = 3, 'pause' = 4, 'listen' = 5, 'removal' = 6);

-- One row per listen that its listener removed, with all that listens knows of it: what it added is taken away by it.
CREATE TABLE IF NOT EXISTS removals
(
    play_id UUID,
    listener_id UInt64,
    song_id UInt64,
    listened_at DateTime64(3, 'UTC'),
    played_ms UInt32,
    song_ms Nullable(UInt32),
    outcome Enum8('unknown' = 0, 'skip_early' = 1, 'skip_late' = 2, 'completed' = 3),
    confidence Float32,
    source Enum8('organic' = 1, 'recommended' = 2, 'imported' = 3),
    origin LowCardinality(String),
    slate_id Nullable(UUID),
    position Nullable(UInt16),
    country LowCardinality(String),
    is_private Bool,
    ingested_at DateTime64(3, 'UTC'),
    removed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYear(listened_at)
ORDER BY (listener_id, listened_at, play_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS song_days_from_removals TO song_days AS
SELECT toDate(listened_at) AS day, song_id, -toInt64(count()) AS listens
FROM removals
GROUP BY day, song_id;

-- One row per song of a slate that was served: by which policy and model, where it stood, and how likely that was.
CREATE TABLE IF NOT EXISTS impressions
(
    slate_id UUID,
    listener_id UInt64,
    served_at DateTime64(3, 'UTC'),
    surface LowCardinality(String),
    policy LowCardinality(String),
    model LowCardinality(String),
    version LowCardinality(String),
    position UInt16,
    song_id UInt64,
    score Float32,
    propensity Float32,
    seed UInt64,
    candidates_hash UInt64,
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(served_at)
ORDER BY (listener_id, served_at, slate_id, position)
TTL toDateTime(served_at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per search: what was asked, and how much was found. Nobody is listener 0.
CREATE TABLE IF NOT EXISTS searches
(
    search_id UUID,
    listener_id UInt64,
    query String,
    kind LowCardinality(String),
    results UInt32,
    clicked_song_id Nullable(UInt64),
    searched_at DateTime64(3, 'UTC'),
    country LowCardinality(String),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(searched_at)
ORDER BY (searched_at, search_id)
TTL toDateTime(searched_at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- What of listens is valid now: not taken back. A listen whose length was told anew has several rows, of which one is valid.
CREATE VIEW IF NOT EXISTS valid_listens AS
SELECT * FROM listens WHERE (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals);

-- The same as it was known at a moment: SELECT … FROM listens_as_of(as_of = '2026-03-01 12:00:00').
CREATE VIEW IF NOT EXISTS listens_as_of AS
SELECT *
FROM listens
WHERE ingested_at <= {as_of:DateTime64(3, 'UTC')}
    AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals WHERE removed_at <= {as_of:DateTime64(3, 'UTC')});
